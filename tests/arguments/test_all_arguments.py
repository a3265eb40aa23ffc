"""Every argument of every operator, sensor, trigger and hook: what is taken, and what is refused before any request."""

from __future__ import annotations

import asyncio
import inspect
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from lazy_object_proxy import Proxy

from airflow_provider_payments._compat import AirflowSensorTimeout, Asset, BaseHook, ObjectStoragePath
from airflow_provider_payments.exceptions import PaymentFailed, PaymentNotFound, PaymentsConfigError
from airflow_provider_payments.hooks.base import PaymentListing
from airflow_provider_payments.hooks.spacepay import SpacePayHook
from airflow_provider_payments.operators.get_payments import GetPaymentsOperator
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator
from airflow_provider_payments.payment import PaymentStatus
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sensors.base import PaymentsSensor
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from airflow_provider_payments.triggers import payments as triggers
from airflow_provider_payments.triggers.polling import PollingTrigger
from airflow_provider_payments.waiting.arguments import PendingArguments, StatusArguments
from airflow_provider_payments.windows import slice_window
from tests.listed import unlisted
from tests.waits import deferred

NAN, INFINITY = float("nan"), float("inf")
#: Long enough to be one. No error shows it, whichever argument it is pasted into.
SECRET = "sk_live_do_not_show_this_to_anybody"
START = "2025-10-01T00:00:00Z"


class Text(str):
    """A text of a class of its own."""

    def __str__(self) -> str:
        return "not what it says"


@dataclass(frozen=True)
class Kind:
    """What a kind of argument takes, each beside the plain value that means the same; and what it refuses."""

    taken: list[tuple[Any, Any]]
    refused: list[Any]
    is_shown: bool = field(default=False, kw_only=True)


FLAG = Kind(
    [(False, False)]
    + [(text, False) for text in ("False", "false", "0", " FALSE ", 0, Text("false"), Proxy(lambda: False))]
    + [(text, True) for text in ("True", "1", 1, 1.0, "yes", "On", Proxy(lambda: "true"))],
    [None, "", "None", "none", "no way", "2", 2, -1, 0.5, NAN, [], [True], {}, b"True", SECRET],
)
#: None comes first: some arguments take it.
_NO_NUMBERS = [
    None,
    "",
    "None",
    "null",
    True,
    False,
    NAN,
    INFINITY,
    "nan",
    "inf",
    "1e3",
    "0x10",
    "1_000",
    "five",
    SECRET,
]
_NO_NUMBERS += [[5], {"a": 5}, b"5", Decimal("NaN"), 10**400, datetime(2026, 1, 1, tzinfo=timezone.utc)]
COUNT = Kind(
    [(text, 50) for text in (50, "50", " 50 ", 50.0, Decimal(50), Text("50"), Proxy(lambda: 50), Proxy(lambda: "50"))],
    [*_NO_NUMBERS, -1, "-1", 2.5, "2.5", timedelta(1)],
)
FROM_ONE = Kind(COUNT.taken, [*COUNT.refused, 0, "0"])
OR_NONE = Kind(FROM_ONE.taken, FROM_ONE.refused[1:])
SECONDS = Kind(
    [
        (text, 50.0)
        for text in (50, "50", 50.0, "50.0", timedelta(seconds=50), "PT50S", Proxy(lambda: timedelta(0, 50)))
    ],
    [*_NO_NUMBERS, -1, "-0.5", timedelta(-1), "P1M", "50 s"],
)
MORE_THAN_0 = Kind(SECONDS.taken, [*SECONDS.refused, 0, "0", "PT0S", timedelta(0)])
DURATION = Kind(
    [(text, timedelta(days=2)) for text in (timedelta(days=2), "P2D", "PT48H", "2 days, 0:00:00", "2 days")],
    [
        *_NO_NUMBERS,
        2,
        "2",
        2.5,
        86_400,
        timedelta(-1),
        "-P2D",
        "-1 day, 0:00:00",
        "P",
        "PT",
        "P1M",
        "P1Y",
        "2 fortnights",
    ],
)
LENGTH = Kind(DURATION.taken, [*DURATION.refused, 0, timedelta(0), "PT0S"])
_NO_TIMES: list[Any] = [NAN, True, datetime(2026, 1, 1), date(2026, 1, 1), [START], {}, START.encode()]  # noqa: DTZ001
TIME = Kind(
    [(START, START), (datetime(2025, 10, 1, tzinfo=timezone.utc), START)],  # and all of tests/arguments/test_times.py
    ["", "None", "null", "soon", "{{ ds }}", "2026-01-01", "2026-01-01T00:00:00", 1767225600, "1767225600", *_NO_TIMES],
)
REQUIRED_TIME = Kind(TIME.taken, [None, *TIME.refused])
_NO_LISTS = [
    "",
    "None",
    "null",
    7,
    0,
    1.5,
    True,
    NAN,
    {"a": 1},
    b"ab",
    "{}",
    "7",
    "[0x1F]",
    "['a'",
    "a, b",
    SECRET,
]
_NO_LISTS += [
    [10**400],
    [timedelta(1)],
    [None],
    [[]],
    [["a", "b"]],
    [("a",), ("b", "c")],
    [[["a"]]],
    [1.5],
    [NAN],
    [True],
    [{}],
    [b"a"],
    "[null]",
    "[1.5]",
    '[["a", "b"]]',
    "[('a', 'b')]",
    '[[["a"]]]',
]
_ROWS = [[["a"], ["b"]], [("a",), ["b"], ("a",)], [{"id": "a"}, {"ID": "b"}], "[('a',), ('b',)]", '[["a"], ["b"]]']
_ROW_OF_WORDS = [[["succeeded"]], [("succeeded",)], '[["succeeded"]]']
STATUSES = Kind(
    [(words, ["succeeded"]) for words in (["succeeded"], ("succeeded",), {"succeeded"}, [PaymentStatus.SUCCEEDED])]
    + [(words, ["succeeded"]) for words in ('["succeeded"]', "['succeeded']", "('succeeded',)", [Text("succeeded")])]
    + [(Proxy(lambda: ["succeeded"]), ["succeeded"])],
    [*_NO_LISTS, *_ROW_OF_WORDS, "succeeded", [7], "[7]", ["succeeded", "lost"], ["None"], [""]],
)
WANTED = Kind(STATUSES.taken, [*STATUSES.refused, [], (), "[]"])
PENDING_STATUSES = Kind(
    [
        (words, ["processing", "authorized"])
        for words in (
            ("processing", "authorized"),
            '["processing", "authorized"]',
            "['processing', 'authorized']",
            [PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED],
            [Text("processing"), "authorized"],
            Proxy(lambda: ["processing", "authorized"]),
        )
    ],
    [
        *_NO_LISTS,
        *("pending", "pending, processing", "[]", [], (), [7], [""], ["None"], {"pending": 1}),
        *(["succeeded"], ["unknown"], ["PENDING"], ["pending", "succeeded"], ["pending", "lost"]),
    ],
)
IDS = Kind(
    [(ids, ["a", "b"]) for ids in (["a", "b"], ("a", "b", "a"), '["a", "b"]', "['a', 'b']", [Text("a"), "b"])]
    + [(Proxy(lambda: ["a", "b"]), ["a", "b"])]
    + [(rows, ["a", "b"]) for rows in _ROWS]
    + [([(UUID(int=7),), 8], [str(UUID(int=7)), "8"]), ({"b", "a"}, ["a", "b"])]
    + [([7, "0x1F"], ["7", "0x1F"]), ("[7, 8]", ["7", "8"]), ([Proxy(lambda: "a"), Proxy(lambda: 7)], ["a", "7"])],
    [*_NO_LISTS, "one-id", ["a", ""], [" "], ["a", "None"], '["None"]', ["['a', 'b']"], ['["a"]'], '["[1]"]'],
)
ID = Kind([("a", "a"), (Text("a"), "a"), (7, "7")], [None, "", " ", "None", True, 1.5, NAN, ["a"], {}, b"a"])
FILTERS = Kind(
    [(each, {"type": "deposit"}) for each in ({"type": "deposit"}, '{"type": "deposit"}', "{'type': 'deposit'}")]
    + [
        ({Text("type"): Text("deposit")}, {"type": "deposit"}),
        (Proxy(lambda: {"type": "deposit"}), {"type": "deposit"}),
    ]
    + [
        ({"search": 31}, {"search": "31"}),
        ('{"search": 31}', {"search": "31"}),
        ({"search": True}, {"search": "true"}),
    ],
    [
        "",
        "None",
        "null",
        7,
        True,
        NAN,
        [],
        ["type"],
        "[]",
        b"{}",
        "type=deposit",
        {"type": 10**400},
        '{"type": "a", "type": "b"}',
        SECRET,
    ]
    + [{"type": each} for each in (None, "", " ", "None", NAN, 1.5, ["a", "b"], ("a",), {"a": 1}, b"a", Decimal(1))]
    + ['{"type": ["a", "b"]}', '{"type": null}', '{"type": 1.5}', '{"type": NaN}', "{'type': 0x1F}"]
    + [{7: "a"}, {None: "a"}, {"status": "pending"}, {"limit": 1}, {"nothing": SECRET}, {"type": [SECRET]}]
    + [{"type": "['a', 'b']"}, {"type": f'["{SECRET}"]'}, '{"type": "[]"}'],
)
PATH = Kind(
    [],  # test_paths
    ["", " ", "None", "null", 7, True, [], {}, b"file:///tmp/a.jsonl", "/tmp/a.jsonl", "file:///tmp/a.xlsx", SECRET],
    is_shown=True,
)
SLICED_PATH = Kind([("file:///{slice}.csv", "file:///{slice}.csv")], [None, *PATH.refused], is_shown=True)
FORMAT = Kind([("jsonl", "jsonl"), (Text("csv"), "csv")], ["", "None", "xml", 7, [], b"csv"], is_shown=True)
UNTIL = Kind(
    [("settled", "settled"), (Text("settled"), "settled"), (" settled\n", "settled")],
    [None, "", "None", "final", True, ["settled"], b"settled", SECRET],
)
CONNECTION = Kind(
    [(conn_id, "spacepay_default") for conn_id in (Text("spacepay_default"), Proxy(lambda: "spacepay_default"))],
    [
        "",
        " ",
        "None",
        "null",
        7,
        True,
        ["spacepay_default"],
        {},
        b"spacepay_default",
        f"spacepay://:{SECRET}@a.example",
    ],
)

SQL_CONNECTION = Kind([(Text("warehouse"), "warehouse"), (Proxy(lambda: "warehouse"), "warehouse")], CONNECTION.refused)
SQL = Kind(
    [(Text("SELECT * FROM payments;\n"), "SELECT * FROM payments")],
    [None, "", " ", "None", 7, True, ["SELECT 1"], {}, b"SELECT 1"],
)
PARAMETERS = Kind([((), None), ({}, None), ("[]", None)], [7, True, NAN, "", "None", "soon", b"ab", SECRET])
ON_DIFFERENCE = Kind(
    [("report", "report"), (Text("report"), "report"), (" report\n", "report")],
    [None, "", "None", "ignore", True, ["report"], b"report", SECRET],
)

DELIVERY = {
    "output_path": PATH,
    "file_format": FORMAT,
    "include_raw": FLAG,
    "replace_nul": FLAG,
    "max_xcom_records": FROM_ONE,
    "max_records_per_file": OR_NONE,
}
SENSOR = {
    "payments_conn_id": CONNECTION,
    **DELIVERY,
    "max_poll_failures": COUNT,
    "deferrable": Kind(FLAG.taken, FLAG.refused[1:]),
}
POLLING = {
    "payments_conn_id": CONNECTION,
    "poke_interval": SECONDS,
    "deadline": SECONDS,
    "next_poll": SECONDS,
    "max_poll_failures": COUNT,
    "poll_failures": COUNT,
    "look_failures": COUNT,
}
STATUS = {
    "payment_ids": IDS,
    "order_ids": IDS,
    "target_statuses": WANTED,
    "failure_statuses": STATUSES,
    "created_from": TIME,
    "long_poll_seconds": SECONDS,
}
PENDING = {"created_from": TIME, "created_to": TIME, "filters": FILTERS, "until": UNTIL}
PENDING["pending_statuses"] = PENDING_STATUSES
NAMED = {
    "payment_ids": IDS,
    "order_ids": IDS,
    "created_from": TIME,
    "on_missing": Kind([(Text("fail"), "fail"), (" report\n", "report")], [None, "", "None", "ignore", True, ["fail"]]),
}
LISTING = {"created_from": TIME, "created_to": TIME, "statuses": WANTED, "filters": FILTERS}
HAS_PENDING = {"created_from": TIME, "created_to": TIME, "filters": FILTERS}
WATCH = {
    "payments_conn_id": CONNECTION,
    "statuses": STATUSES,
    "filters": FILTERS,
    "created_from": TIME,
    "lookback": MORE_THAN_0,
    "poke_interval": MORE_THAN_0,
    "max_poll_failures": COUNT,
}


def _execute(task: type[Any], **needed: Any) -> Callable[..., Any]:
    own = {"payments_conn_id": "spacepay_default", **needed}
    return lambda **given: task(task_id="t", **{**own, **given}).execute({})


def _build(trigger: str, **needed: Any) -> Callable[..., Any]:
    """Make a trigger, and what it waits for, as it is when it has begun to run."""
    times = {} if trigger == "NewPaymentsTrigger" else {"poke_interval": 1, "deadline": 9, "next_poll": 1}

    def build(**given: Any) -> Any:
        made = getattr(triggers, trigger)(**{"payments_conn_id": "spacepay_default", **times, **needed, **given})
        if isinstance(made, PollingTrigger):
            wait = made.arguments.build_condition()
            BaseHook.get_hook("spacepay_default").look_up(wait.poll)
        else:
            BaseHook.get_hook("spacepay_default").list_payments(statuses=made.statuses, filters=made.filters)
        return made

    return build


def _name(get: Callable[..., Any]) -> Callable[..., Any]:
    """Get payments by the names that are given, or else those of an order."""

    def call(**given: Any) -> Any:
        if "payment_ids" in given:
            given["order_ids"] = None
        found = get(**{"order_ids": ["a"], **given})
        return list(found) if isinstance(found, PaymentListing) else found

    return call


async def _first(payments: Any) -> Any:
    async for payment in payments:
        return payment


def _ask(name: str) -> Callable[..., Any]:
    def ask(*args: Any, **given: Any) -> Any:
        found = getattr(BaseHook.get_hook("spacepay_default"), name)(*args, **given)
        if inspect.isawaitable(found):

            async def wait() -> Any:
                return await found

            return asyncio.run(wait())
        return asyncio.run(_first(found)) if hasattr(found, "__anext__") else found

    return ask


@dataclass(frozen=True)
class Entrance:
    """Something that users call.

    :param call: what reads its arguments, as users do it, up to the first request or beyond.
    :param signatures: of what takes the arguments.
    """

    call: Callable[..., Any]
    arguments: dict[str, Kind]
    signatures: list[Callable[..., Any]]


ENTRANCES = {
    "ListPaymentsOperator": Entrance(
        _execute(ListPaymentsOperator),
        {"payments_conn_id": CONNECTION, "lookback": DURATION, **LISTING, **DELIVERY},
        [ListPaymentsOperator.__init__],
    ),
    "GetPaymentsOperator": Entrance(
        _name(_execute(GetPaymentsOperator)),
        {"payments_conn_id": CONNECTION, **NAMED, **DELIVERY},
        [GetPaymentsOperator.__init__],
    ),
    "hook.get_payments": Entrance(_name(_ask("get_payments")), NAMED, [SpacePayHook.get_payments]),
    "ReconcilePaymentsOperator": Entrance(
        _execute(
            ReconcilePaymentsOperator,
            sql_conn_id="warehouse",
            sql="SELECT * FROM payments",
            on_difference="report",
        ),
        {
            "payments_conn_id": CONNECTION,
            **LISTING,
            "sql_conn_id": SQL_CONNECTION,
            "sql": SQL,
            "parameters": PARAMETERS,
            "on_difference": ON_DIFFERENCE,
            "max_examples": Kind(COUNT.taken, [*COUNT.refused, 10_001]),
        },
        [ReconcilePaymentsOperator.__init__],
    ),
    "PaymentStatusSensor": Entrance(
        _execute(PaymentStatusSensor, order_ids=["a"], timeout=0),
        {**SENSOR, **STATUS},
        [PaymentStatusSensor.__init__, PaymentsSensor.__init__],
    ),
    "PendingPaymentsSensor": Entrance(
        _execute(PendingPaymentsSensor, timeout=0),
        {**SENSOR, **PENDING},
        [PendingPaymentsSensor.__init__, PaymentsSensor.__init__],
    ),
    "PaymentStatusTrigger": Entrance(
        _build("PaymentStatusTrigger", order_ids=["a"]),
        {
            **POLLING,
            **STATUS,
            "known_ids": Kind([], [7, "a", ["a"], {"a": "b"}, {"a": [None]}]),
            "is_list_proven": Kind([], FLAG.refused[1:]),
        },
        [StatusArguments, PollingTrigger.__init__],
    ),
    "PendingPaymentsTrigger": Entrance(
        _build("PendingPaymentsTrigger"),
        {**POLLING, **PENDING, "unsettled_id": Kind([], [7.5, "", ["a"], True])},
        [PendingArguments, PollingTrigger.__init__],
    ),
    **{
        f"hook.{name}": Entrance(_ask(name), arguments, [getattr(SpacePayHook, name)])
        for name, arguments in {
            "list_payments": LISTING,
            "alist_payments": LISTING,
            "has_pending": HAS_PENDING,
            "ahas_pending": HAS_PENDING,
            "get_payment": {"payment_id": ID},
            "aget_payment": {"payment_id": ID},
        }.items()
    },
    "hook": Entrance(
        lambda **given: SpacePayHook(**given).list_payments(),
        {"payments_conn_id": CONNECTION, "http_conn_id": CONNECTION},
        [],  # the others are of Airflow's HttpHook
    ),
    "slice_window": Entrance(
        lambda **given: slice_window(
            **{
                "created_from": "2025-01-01T00:00:00Z",
                "created_to": "2026-01-01T00:00:00Z",
                "every": timedelta(days=9),
                "output_path": "file:///{slice}.csv",
                **given,
            }
        ),
        {
            "created_from": REQUIRED_TIME,
            "created_to": REQUIRED_TIME,
            "every": LENGTH,
            "output_path": SLICED_PATH,
            "max_slices": FROM_ONE,
        },
        [slice_window],
    ),
}
if Asset.__name__ == "Asset":  # Airflow 2 cannot watch assets
    ENTRANCES["NewPaymentsTrigger"] = Entrance(
        _build("NewPaymentsTrigger"), WATCH, [triggers.NewPaymentsTrigger.__init__]
    )

CASES = [(name, argument) for name, entrance in ENTRANCES.items() for argument in entrance.arguments]


NEW_PAYMENTS_TRIGGER: Any = triggers.NewPaymentsTrigger if Asset.__name__ == "Asset" else PollingTrigger
#: What else an error may call an argument.
ALSO_NAMED = {
    "filters": ["ilter '"],
    "statuses": ["status '"],
    "target_statuses": ["status '", "statuses"],
    "failure_statuses": ["status '"],
    "created_from": ["needs both ends"],
    "created_to": ["needs both ends"],
    "payment_ids": ["payment id"],
}


@pytest.fixture
def asked(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(warehouse))
    with closing(sqlite3.connect(warehouse["host"])) as connection:
        connection.execute("CREATE TABLE payments (id, status, amount, currency)")
    sandbox.spacepay.rows.clear()
    sandbox.spacepay.add(status="completed", orderId="a")
    return sandbox


@pytest.mark.parametrize("name", ENTRANCES)
def test_no_argument_is_left_out(name: str) -> None:
    entrance = ENTRANCES[name]
    found = {
        parameter.name
        for signature in entrance.signatures
        for parameter in inspect.signature(signature).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.name not in ("self", "takes_numbers")
    }
    assert found <= set(entrance.arguments)
    assert found or not entrance.signatures


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_what_is_not_taken_is_refused_before_any_request(asked: Sandbox, name: str, argument: str) -> None:
    entrance = ENTRANCES[name]
    kind = entrance.arguments[argument]
    assert kind.refused
    for value in kind.refused:
        given = {argument: value}
        if argument in ("file_format", "max_records_per_file"):
            given["output_path"] = "file:///tmp/never-written.jsonl"
        if argument == "payment_ids":
            given["order_ids"] = ()
        with pytest.raises(PaymentsConfigError) as caught:
            pytest.fail(f"{argument}={value!r} was taken: {entrance.call(**given)!r}")
        text = str(caught.value)
        assert any(word in text for word in (argument, *ALSO_NAMED.get(argument, ()))), text
        assert kind.is_shown or SECRET not in text
        assert asked.requests == [], f"{argument}={value!r}"


def outcome(sandbox: Sandbox, call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Return what comes of a call, and what was asked for."""
    sandbox.requests.clear()
    try:
        found = call(**given)
    except PaymentsConfigError:
        raise
    except (PaymentFailed, PaymentNotFound, AirflowSensorTimeout) as error:
        found = type(error)
    if isinstance(found, PollingTrigger | NEW_PAYMENTS_TRIGGER):
        found = json.dumps(found.serialize())
    if isinstance(found, PaymentListing):
        found = list(found)
    if isinstance(found, dict):
        found = {key: value for key, value in found.items() if key not in ("seconds", "listed_at", "sha256")}
    elif isinstance(found, list) and found and isinstance(found[0], dict) and "listed_at" in found[0]:
        found = unlisted(found)
    return found, sorted((call.route, str(sorted(call.query.items()))) for call in sandbox.requests)


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_what_is_taken_means_the_same(asked: Sandbox, tmp_path: Path, name: str, argument: str) -> None:
    entrance = ENTRANCES[name]
    for value, plain in entrance.arguments[argument].taken:
        others: dict[str, Any] = {}
        if argument in ("file_format", "max_records_per_file"):
            others = {"output_path": (tmp_path / argument).as_uri(), "file_format": "csv"}
        if argument == "payment_ids":
            others = {"order_ids": ()}
        expected = outcome(asked, entrance.call, {**others, argument: plain})
        assert outcome(asked, entrance.call, {**others, argument: value}) == expected, f"{argument}={value!r}"


def test_raw_is_left_out_by_a_text(asked: Sandbox) -> None:
    assert "raw" in _execute(ListPaymentsOperator)()[0]
    for flag in ("False", "0", Proxy(lambda: "false")):
        assert "raw" not in _execute(ListPaymentsOperator, include_raw=flag)()[0]


def test_deferrable_as_text(asked: Sandbox) -> None:
    asked.spacepay.add(status="pending")
    sensor = _execute(PendingPaymentsSensor, timeout=60, until="settled")
    deferred(lambda: sensor(deferrable="True"))
    asked.spacepay.rows.clear()
    assert sensor(deferrable="False") == []
    asked.spacepay.add(status="pending")
    with pytest.raises(AirflowSensorTimeout):
        sensor(deferrable="False", timeout=0)


def test_paths(asked: Sandbox, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/a.jsonl"
    for path in (url, Text(url), Proxy(lambda: url), ObjectStoragePath(url)):
        manifest = _execute(ListPaymentsOperator, output_path=path)()
        assert type(manifest["path"]) is str
        assert (tmp_path / "a.jsonl").exists()
        (tmp_path / "a.jsonl").unlink()


@pytest.mark.parametrize("statuses", ["succeeded", "['succeeded'", ["succeeded", "lost"]])
def test_a_refusal_says_what_to_write(asked: Sandbox, statuses: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=r"\['succeeded'\]|Normalised statuses: pending"):
        _execute(ListPaymentsOperator, statuses=statuses)()


@pytest.mark.parametrize("argument", ["created_from", "statuses", "filters", "output_path", "include_raw", "lookback"])
@pytest.mark.parametrize("text", ["None", ""])
def test_a_missing_value_is_never_nothing(asked: Sandbox, argument: str, text: str) -> None:
    """What templates make of one would else be an unbounded window, or no filter, or XCom in the place of a file."""
    with pytest.raises(PaymentsConfigError, match=r"value that is missing|must name a file"):
        _execute(ListPaymentsOperator, **{argument: text})()
    assert asked.requests == []
