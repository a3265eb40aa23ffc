"""The conversation with an API: described without I/O, and driven by ``requests`` or by ``aiohttp``."""
