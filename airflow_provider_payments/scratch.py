"""Scratch databases: what is too much for memory."""

from __future__ import annotations

import sqlite3


def open_scratch_database(*, cache_kib: int = 8192) -> sqlite3.Connection:
    """Open an empty database that moves to disk as it grows, with a transaction begun.

    Where the system permits it the file has no name, so that nothing is left of it when the process ends, however that
    happens. One thread at a time may use it, not always the same.

    :param cache_kib: memory that it takes, in KiB.
    """
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    database.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=FILE;"
        f"PRAGMA cache_size=-{cache_kib}; BEGIN"
    )
    return database
