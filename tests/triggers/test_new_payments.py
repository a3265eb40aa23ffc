"""The trigger that watches for new payments: each announced once, whatever happens to its process."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowOptionalProviderFeatureException, Asset
from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsConfigError, PaymentsUnavailable
from airflow_provider_payments.triggers import payments as triggers
from tests.waits import Shop, rebuild

CAN_WATCH = Asset.__name__ == "Asset"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
on_airflow_3 = pytest.mark.skipif(not CAN_WATCH, reason="Airflow 2 cannot watch assets")
on_airflow_2 = pytest.mark.skipif(CAN_WATCH, reason="of Airflow 2")


@on_airflow_2
def test_airflow_2_is_told_what_to_do_instead() -> None:
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"needs Airflow 3.*example_list_payments"):
        _ = triggers.NewPaymentsTrigger


def test_the_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = triggers.Nonsense


class BlockingStore:
    """What Airflow 3.3.0 gives a watching trigger."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = json.loads(json.dumps(value))


class Store(BlockingStore):
    """And Airflow 3.3.2."""

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.set(key, value)


class CountingStore(Store):
    writes = 0

    def set(self, key: str, value: Any) -> None:
        self.writes += 1
        super().set(key, value)


class StoreOfSeveralAssets(Store):
    async def aget(self, key: str, default: Any = None) -> Any:
        raise ValueError("several assets")

    async def aset(self, key: str, value: Any) -> None:
        raise ValueError("several assets")


def watch(
    trigger: Any, store: Any = None, *, polls: int = 2, then: Callable[[int], object] = lambda poll: None
) -> list[dict[str, Any]]:
    """Run a watching trigger until it has polled so often, and noted it; return what it announced.

    :param then: called after each poll but the last, with its number.
    """
    events: list[dict[str, Any]] = []

    async def run() -> None:
        watching = rebuild(trigger)
        watching.asset_state_store = store
        save, numbers = watching._save, itertools.count(1)

        async def save_and_go_on(announced: Any) -> None:
            await save(announced)
            number = next(numbers)
            if number == polls:
                raise asyncio.CancelledError
            then(number)

        watching._save = save_and_go_on
        with suppress(asyncio.CancelledError):
            async for event in watching.run():
                events.append(event.payload)

    asyncio.run(run())
    return events


def new_payments(shop: Shop, **settings: Any) -> Any:
    return triggers.NewPaymentsTrigger(
        **{"payments_conn_id": shop.conn_id, "poke_interval": 0.4, "max_poll_failures": 1, **settings}
    )


def ids(events: list[dict[str, Any]]) -> list[str]:
    return sorted(each for event in events for each in event["ids"])


def sell(shop: Shop, status: str = "succeeded", minutes: float = 30) -> Any:
    """Take a payment, so many minutes ago."""
    at = NOW - timedelta(minutes=minutes)
    # HOT Pay tells when a payment was finished, in seconds.
    time_of = {"timestamp": int(at.timestamp())} if shop.conn_type == "hotpay" else {}
    return shop.sell(status, order=f"order-{minutes}", at=at, **time_of)


def id_of(shop: Shop, row: Any) -> str:
    """Return the id under which a payment is known here. HOT Pay has none of its own."""
    if shop.conn_type != "hotpay":
        return shop.id_of(row)
    return next(payment.id for payment in shop.hook.list_payments(filters={"memo": row["memo"]}))


@on_airflow_3
def test_each_is_announced_once_when_it_reaches_the_status(shop: Shop) -> None:
    shop.close()
    sell(shop)
    later = sell(shop, "pending", 60)
    added: list[Any] = []

    def then(poll: int) -> None:
        if poll == 1:
            added.append(sell(shop, minutes=10))
            if shop.conn_type == "hotpay":
                later["timestamp"] = int(NOW.timestamp())
            shop.move(later, "succeeded")

    events = watch(new_payments(shop), Store(), polls=3, then=then)
    assert ids(events) == sorted([id_of(shop, added[0]), id_of(shop, later)])
    (event,) = events
    assert (event["payments_conn_id"], event["count"], event["statuses"]) == (shop.conn_id, 2, {"succeeded": 2})
    assert event["first_created_at"] <= event["last_created_at"]
    assert event.keys() == {
        "payments_conn_id",
        "count",
        "ids",
        "statuses",
        "first_created_at",
        "last_created_at",
    }


@on_airflow_3
@pytest.mark.parametrize("conn_type", ["spacepay"])
class TestWithOneCompany:
    @pytest.mark.parametrize("make_store", [Store, BlockingStore])
    def test_a_new_process_goes_on_where_the_old_one_was(self, shop: Shop, make_store: Callable[[], Any]) -> None:
        shop.close()
        sell(shop)
        store = make_store()
        first = sell_after = None

        def then(poll: int) -> None:
            nonlocal first
            first = sell(shop, minutes=5)

        events = watch(new_payments(shop), store, polls=2, then=then)
        assert first is not None
        assert ids(events) == [id_of(shop, first)]
        sell_after = sell(shop, minutes=3)  # while no process watches
        events = watch(new_payments(shop), store, polls=2)
        assert ids(events) == [id_of(shop, sell_after)]
        assert watch(new_payments(shop), store, polls=1) == []
        ((key, state),) = store.values.items()
        assert key.startswith("payments-")
        assert id_of(shop, first) not in state

    def test_another_question_has_a_state_of_its_own(self, shop: Shop) -> None:
        shop.close()
        store = Store()
        watch(new_payments(shop), store, polls=1)
        watch(new_payments(shop, statuses=["failed"]), store, polls=1)
        watch(new_payments(shop, filters={"type": "deposit"}), store, polls=1)
        assert len(store.values) == 3

    def test_what_was_there_before_is_announced_from_created_from_on(self, shop: Shop) -> None:
        shop.close()
        sell(shop, minutes=60 * 24 * 9)
        wanted = sell(shop, minutes=60 * 24 * 5)
        begin = (NOW - timedelta(days=7)).isoformat()
        events = watch(new_payments(shop, created_from=begin), Store(), polls=2)
        assert ids(events) == [id_of(shop, wanted)]

    def test_an_event_holds_500_ids_at_most(self, shop: Shop) -> None:
        shop.close()
        for number in range(501):
            sell(shop, minutes=1 + number / 100)
        begin = (NOW - timedelta(days=1)).isoformat()
        events = watch(new_payments(shop, created_from=begin, poke_interval=1), Store(), polls=1)
        assert [event["count"] for event in events] == [500, 1]
        assert len(set(ids(events))) == 501

    @pytest.mark.parametrize(("store", "other"), [(None, "failed"), (StoreOfSeveralAssets(), "expired")])
    def test_without_a_store_it_remembers_while_it_lives_and_warns_once(
        self, shop: Shop, store: Any, other: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.close()
        sold: list[Any] = []
        with caplog.at_level(logging.INFO):
            # What is remembered outlives the trigger, so each test asks something else.
            events = watch(
                new_payments(shop, statuses=["succeeded", other]),
                store,
                polls=3,
                then=lambda poll: sold.append(sell(shop, minutes=poll)),
            )
        assert ids(events) == sorted(id_of(shop, row) for row in sold)
        said = caplog.text + capsys.readouterr().out
        assert said.count("in memory only") == 1

    def test_failed_polls_are_survived(self, shop: Shop) -> None:
        shop.close()
        sold: list[Any] = []

        def then(poll: int) -> None:
            if poll == 1:
                shop.reply(500)
                sold.append(sell(shop))

        events = watch(new_payments(shop), Store(), polls=3, then=then)
        assert ids(events) == [id_of(shop, sold[0])]

    def test_an_outage_loses_nothing_where_there_is_no_store(self, shop: Shop) -> None:
        """Airflow makes a new trigger of one that failed."""
        shop.close()
        trigger = new_payments(shop, poke_interval=0.1, statuses=["succeeded", "canceled"])
        assert watch(trigger, polls=1) == []
        shop.reply(500, times=2)
        with pytest.raises(PaymentsUnavailable):
            watch(trigger, polls=3)
        sold = sell(shop)
        assert ids(watch(trigger, polls=2)) == [id_of(shop, sold)]

    @pytest.mark.parametrize(
        "settings",
        [
            {"poke_interval": 0},
            {"poke_interval": -1.0},
            {"poke_interval": timedelta(0)},
            {"poke_interval": "soon"},
            {"lookback": 0},
            {"created_from": "2026-01-01T00:00:00"},
        ],
    )
    def test_bad_arguments_are_seen_when_the_dag_file_is_read(self, shop: Shop, settings: Any) -> None:
        with pytest.raises(PaymentsConfigError):
            new_payments(shop, **settings)

    @pytest.mark.parametrize(
        ("settings", "status", "error"),
        [
            ({}, 500, PaymentsUnavailable),
            ({}, 401, PaymentsAuthError),
            ({"statuses": ["paid"]}, 200, PaymentsConfigError),
            ({"filters": {"nonsense": 1}}, 200, PaymentsConfigError),
        ],
    )
    def test_it_waits_before_it_raises(self, shop: Shop, settings: Any, status: int, error: type[Exception]) -> None:
        if status != 200:
            shop.reply_always(status)
        trigger = new_payments(shop, poke_interval=0.1, **settings)

        async def run() -> None:
            async for _ in rebuild(trigger).run():
                pass

        began = time.monotonic()
        with pytest.raises(error):
            asyncio.run(run())
        assert time.monotonic() - began >= 1
        assert len(shop.list_calls) == {500: 2, 401: 1, 200: 0}[status]


@on_airflow_3
def test_its_arguments_come_back_and_hold_no_secret(shop: Shop) -> None:
    trigger = new_payments(shop, lookback=timedelta(hours=2), filters={}, statuses=("succeeded", "failed"))
    again = rebuild(trigger)
    assert again.serialize() == trigger.serialize()
    assert again.lookback == 7200
    assert set(trigger.serialize()[1]) == {
        "payments_conn_id",
        "statuses",
        "filters",
        "created_from",
        "lookback",
        "poke_interval",
        "max_poll_failures",
    }
    password = shop.sandbox.connections()[shop.conn_id]["password"]
    assert password[:40] not in repr(trigger)


@on_airflow_3
def test_what_was_announced_survives_as_text() -> None:
    from airflow_provider_payments.triggers.checkpoint import NO_TIME, Checkpoint

    old, new, undated, newer = 2**64 - 1, 2, 3, 4
    announced = Checkpoint()
    announced.note({old: 1000.0, new: 5000.0, undated: NO_TIME}, 6000.0, 2000.0)
    assert announced == Checkpoint(6000.0, {new: 5000.0, undated: NO_TIME})
    assert Checkpoint.from_text(announced.to_text()) == announced
    announced.note({newer: 6500.0, old: 6500.0}, 6900.0, 2000.0)
    assert announced.keys == {new: 5000.0, newer: 6500.0, old: 6500.0}
    assert Checkpoint.from_text(announced.to_text()) == announced
    announced.note({}, 9000.0, 2000.0)
    assert announced.keys == {}
    assert Checkpoint.from_text(announced.to_text()) == announced


@on_airflow_3
@pytest.mark.parametrize("created", [0.0, -62135596800.0, 2.0**32 - 1, 2.0**32, 253402300799.0])
def test_any_time_can_be_kept(created: float) -> None:
    """The payment would be announced again and again otherwise."""
    from airflow_provider_payments.triggers.checkpoint import NO_TIME, Checkpoint

    announced = Checkpoint(6000.0, {1: created, 2: 5000.0})
    found = Checkpoint.from_text(announced.to_text())
    assert found.keys.keys() == {1, 2}
    assert found.keys[1] != NO_TIME


@on_airflow_3
def test_the_text_of_many_is_short() -> None:
    from airflow_provider_payments.triggers.checkpoint import Checkpoint, hash_id

    announced = Checkpoint()
    announced.note({hash_id(f"payment-{each}"): 1_769_000_000.0 + each for each in range(5000)}, 1_769_000_000.0, 1.0)
    assert Checkpoint.from_text(announced.to_text()) == announced
    assert len(announced.to_text()) < 13 * 5000


@on_airflow_3
def test_what_has_not_changed_is_not_written(shop: Shop) -> None:
    store = CountingStore()

    def then(poll: int) -> None:
        if poll == 3:
            sell(shop)

    watch(new_payments(shop, poke_interval=0.1), store, polls=6, then=then)
    assert store.writes == 2  # that the watch has begun, and the one payment

    # A day of silence, and the next watch would have two days to list.
    store = CountingStore()
    watch(new_payments(shop, poke_interval=0.1, lookback=0.25), store, polls=6)
    assert 2 <= store.writes < 6


@on_airflow_3
@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1.0]", '[1.0, "", ""]', '[1.0, "a"]', "[null, 1, 2]", '{"polled_at": 1, "keys": {}}', "no JSON"],
)
def test_a_foreign_state_is_refused(text: str) -> None:
    from airflow_provider_payments.triggers.checkpoint import Checkpoint

    with pytest.raises(ValueError, match=r"."):
        Checkpoint.from_text(text)
