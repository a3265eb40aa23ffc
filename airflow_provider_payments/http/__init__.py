"""HTTP: requests and replies, described without I/O, and sent by ``requests`` or by ``aiohttp``."""
