"""HTTP: requests and responses, described without I/O, and sent by ``requests`` or by ``aiohttp``."""
