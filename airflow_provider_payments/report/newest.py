"""Of a payment that was listed several times, the newest row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby

from airflow_provider_payments.report.rows import ReportRow

_COLUMNS = ", ".join(ReportRow._fields)


def keep_newest(rows: Iterable[ReportRow]) -> Iterator[tuple[ReportRow, int]]:
    """Yield the newest row of each payment, and how many older ones it has, sorted by company, connection and id.

    However many rows there are, memory stays the same: a scratch database sorts them.
    """
    from airflow_provider_payments.scratch import open_scratch_database

    with closing(open_scratch_database()) as database:
        database.execute(f"CREATE TABLE rows ({_COLUMNS})")
        places = ", ".join("?" * len(ReportRow._fields))
        database.executemany(f"INSERT INTO rows VALUES ({places})", rows)  # noqa: S608 - constants
        # By all columns, so that the order is one of the rows alone. Null is before any time.
        ordered = database.execute(f"SELECT * FROM rows ORDER BY {_COLUMNS}")  # noqa: S608
        for _, versions in groupby(map(ReportRow._make, ordered), key=lambda row: row[:3]):
            older = -1
            for newest in versions:  # noqa: B007
                older += 1
            yield newest, older
