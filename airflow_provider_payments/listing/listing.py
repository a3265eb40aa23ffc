"""A listing: which passes it takes, each payment once, and what can be said about the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import msgspec

from airflow_provider_payments.listing.dedup import HoldbackBuffer, SeenIds, prefer_settled
from airflow_provider_payments.listing.list_pass import ListPass
from airflow_provider_payments.listing.plan import ListingApi, Stage
from airflow_provider_payments.listing.provisional import ProvisionalPayments
from airflow_provider_payments.listing.report import Accepted, ListingReport
from airflow_provider_payments.payment import Payment, PaymentStatus, stamp
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import UTC


class Listing:
    """All payments that match a query, each once and in its most final state.

    A stage is read twice where the first pass cannot vouch for it: a list that moves all the time would be read for
    ever. What is in doubt after that is reported.

    :param plan: returns the stages to read, in order; called once, when what the API is asked before is known. Payments
        that are not final are held back until the last stage has ended, for a later one may find them again in their
        final state.
    :param report: filled with what can be said about the listing; None is a new one.
    :param waits_to_end: whether payments are held back to the very end that the last list may show again: those whose
        id is provisional, and those that have another row. A search that ends with what it finds would have to read the
        whole list.
    """

    def __init__(
        self,
        api: ListingApi,
        query: PaymentQuery,
        plan: Callable[[], Sequence[Stage]],
        report: ListingReport | None = None,
        *,
        waits_to_end: bool = True,
    ) -> None:
        self.report = report or ListingReport()
        if unlisted := api.unlisted_reason(query):
            self.report.doubts.append(unlisted)
        if note := api.unlisted_note(query):
            self.report.notes.append(note)
        self.api = api
        self.query = query
        self._plan = plan
        self._seen = self._seen_in_pass = SeenIds()
        self._others = SeenIds()
        self._held: HoldbackBuffer | None = None
        self._holds_back = False
        self._is_second = False
        self._waits_to_end = waits_to_end
        #: Ids of payments whose own belonged to another one, by key.
        self._given_ids: dict[str, str] = {}
        self._provisional: ProvisionalPayments | None = None

    def passes(self) -> Iterator[ListPass]:
        """Yield the passes to make, each after the one before has ended.

        :raises PaymentsProtocolError: when a list could not be read to its end.
        """
        self.report.listed_at = listed_at = self.report.listed_at or datetime.now(UTC)
        stages = self._plan()
        if self._waits_to_end:
            in_flight = max((each.max_concurrency for stage in stages for each in stage.partitions), default=1)
            self._provisional = ProvisionalPayments(self.api.former_id, in_flight, listed_at)
        for number, stage in enumerate(stages, start=1):
            self._holds_back = number < len(stages) or (self._waits_to_end and self.api.repeats_payments)
            seen: int | None = None
            for is_second in (False, True):
                if number > 1 or is_second:
                    self._seen_in_pass = SeenIds()
                self._is_second = is_second
                one_pass = ListPass(
                    self.api, self.query, stage, self._accept, self.report, started_at=listed_at, is_second=is_second
                )
                yield one_pass
                self.report.doubts += [each for each in dict.fromkeys(one_pass.gaps) if each not in self.report.doubts]
                if one_pass.vouches(seen_before=seen):
                    break
                seen = one_pass.seen
                if is_second:
                    one_pass.raise_if_stuck()
                    doubt = one_pass.doubt or "payments kept entering and leaving the list while it was read"
                    self.report.doubts.append(f"Payments may be missing: {doubt} (read twice).")

    def remaining(self) -> Iterator[Sequence[Payment]]:
        """Yield what was held back, after the last pass, by pages."""
        if self._held:
            yield from self._held.pages()
        for payments in self._provisional.pages() if self._provisional else ():
            yield self._choose(payments)

    def __enter__(self) -> Listing:
        self.report.listed_at = datetime.now(UTC)  # before anything is asked
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._held, self._provisional):
            if each:
                each.close()

    def _accept(self, payments: Sequence[Payment]) -> Accepted:
        keys, payments = self._identify(payments)
        if self.api.repeats_payments:
            payments = prefer_settled(keys, payments)
        new_to_pass = self._seen_in_pass.add(keys)
        new = new_to_pass if self._seen_in_pass is self._seen else self._seen.add(keys)
        new_rows = sum(new_to_pass)
        self.report.duplicates_dropped += len(keys) - (new_rows if self._is_second else sum(new))
        are_new = all(new)
        found = payments if are_new else self._find_later_states(payments, new, new_to_pass)
        if self._provisional:
            found = self._provisional.sift(found)
        return Accepted(self._hold_back(self._choose(found), are_new=are_new), keys, new_rows, any(new))

    def _find_later_states(
        self, payments: Sequence[Payment], new: Sequence[bool], new_to_pass: Sequence[bool]
    ) -> list[Payment]:
        """Return those of a page's payments that are new, or held back in what may be an earlier state."""
        found: dict[str, Payment] = {}
        for payment, is_new, is_new_to_pass in zip(payments, new, new_to_pass, strict=True):
            may_be_later = is_new_to_pass or self.api.repeats_payments
            if is_new or (may_be_later and self._held and payment.id in self._held):
                found[payment.id] = payment
        return list(found.values())

    def _identify(self, payments: Sequence[Payment]) -> tuple[list[str], Sequence[Payment]]:
        """Return each payment's key. A payment whose id already belongs to another payment gets another id."""
        keys = [payment.id for payment in payments]
        others = {number: ids for number, each in enumerate(payments) if (ids := self.api.particular_ids(each))}
        if not others:
            return keys, payments
        payments = list(payments)
        for number, (*ids, key) in others.items():
            keys[number] = key
            own = payments[number].id
            (is_first_sighting,) = self._others.add([key])
            if is_first_sighting:
                free = (each for each in (own, *ids) if self._others.add([each])[0])
                if (given := next(free, key)) != own:
                    self._given_ids[key] = given
            if key in self._given_ids:
                payments[number] = msgspec.structs.replace(payments[number], id=self._given_ids[key])
        return keys, payments

    def _choose(self, payments: Sequence[Payment]) -> Sequence[Payment]:
        """Return those of the payments that match the query, stamped with the listing's time."""
        query = self.query
        if not query.wants_all:
            payments = [each for each in payments if query.wants(each)]
        payments = [each for each in payments if self.api.matches(query, each)]
        stamp(payments, self.report.listed_at)
        return payments

    def _hold_back(self, payments: Sequence[Payment], *, are_new: bool) -> Sequence[Payment]:
        """Return those payments that need not wait for a later stage.

        :param are_new: whether none of them was seen before, so that none of them is held.
        """
        if not self._holds_back and (are_new or self._held is None):
            return payments
        ready = []
        for payment in payments:
            if self._holds_back and self._may_be_shown_again(payment):
                self._held = self._held or HoldbackBuffer()
                self._held.put(payment)
            else:
                if self._held and not are_new:
                    self._held.drop(payment.id)
                ready.append(payment)
        return ready

    def _may_be_shown_again(self, payment: Payment) -> bool:
        """Whether a row that is yet to come may show a payment in a later state."""
        return not payment.is_final or (self.api.repeats_payments and payment.status is not PaymentStatus.SUCCEEDED)
