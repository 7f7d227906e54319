"""Connectors that are each wrong in one way, all of them ways that connectors are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.api import (
    ConnectorError,
    Consent,
    Page,
    Problem,
    Record,
    RecordState,
    Ref,
    Rejected,
    Result,
    Stance,
    Verdict,
    Write,
)
from tests.unit.testing.acme import Acme


class SkipsEqualTimes(Acme):
    """Goes on after the last timestamp instead of at it."""

    def page(
        self,
        records: Sequence[Record],
        rejected: Sequence[Rejected],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        return super().page(records, rejected, (cursor[0], cursor[1], "~"), full, more)


class SaysCompleteTooEarly(Acme):
    """Every page of an enumeration ends it."""

    def page(
        self,
        records: Sequence[Record],
        rejected: Sequence[Rejected],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        return Page(
            records, rejected, super().page(records, rejected, cursor, full, more).cursor, full
        )


class StopsAfterOnePage(Acme):
    """Forgets that there is more."""

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        yield replace(next(super().read(stream, scope, cursor)), complete=True)


class DropsBadRows(Acme):
    """Passes over what it does not understand."""

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        return (replace(page, rejected=()) for page in super().read(stream, scope, cursor))


class SwallowsErrors(Acme):
    """Takes a failing vendor for one that has nothing."""

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        try:
            return super().fetch(stream, refs)
        except Exception:
            return [None] * len(refs)

    def check(self) -> Sequence[Problem]:
        return []


class EndsOnErrors(Acme):
    """Takes a vendor that fails for the end of the list."""

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        try:
            yield from super().read(stream, scope, cursor)
        except ConnectorError:
            yield Page((), (), cursor or '[false, "", ""]', complete=cursor is None)


class SubscribesBlindly(Acme):
    """Where the destination's state cannot be read, it is taken for clean."""

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        try:
            return super().write_consents(stream, batch)
        except ConnectorError:
            return self.send([replace(one, fields={}) for one in batch])


class RaisesInCheck(Acme):
    """Lets a refused credential out of check()."""

    def check(self) -> Sequence[Problem]:
        self.http.call("GET", "/account")
        return []


class AnswersInItsOwnOrder(Acme):
    """Fetches by id order, and what is missing is left out."""

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        found = [record for record in super().fetch(stream, refs) if record]
        return sorted(found, key=lambda record: record.ref.id)


class ReadsEveryField(Acme):
    """Pays no heed to the mapping."""

    def record(self, person: Mapping[str, Any]) -> Record:
        return replace(
            super().record(person), fields={**person["fields"], "email": person["email"]}
        )


class TakesArchivedForGone(Acme):
    """Archived reads as deleted."""

    def record(self, person: Mapping[str, Any]) -> Record:
        found = super().record(person)
        state = RecordState.GONE if person["archived"] else found.state
        return replace(found, state=state)


class ForgetsMerges(Acme):
    """Tells only the last merge of a chain."""

    def record(self, person: Mapping[str, Any]) -> Record:
        found = super().record(person)
        return replace(found, aliases=found.aliases[:1])


class EverySubscriptionIsAnAct(Acme):
    """A tool's tick-box counts as a consent."""

    def consent(self, topic: str, wish: Mapping[str, str]) -> Consent:
        return replace(super().consent(topic, wish), act="form")


class TimesWithoutZone(Acme):
    """Naive times."""

    def consent(self, topic: str, wish: Mapping[str, str]) -> Consent:
        found = super().consent(topic, wish)
        assert found.at is not None
        return replace(found, at=found.at.replace(tzinfo=None))


class Overwrites(Acme):
    """A create of what is there becomes an update."""

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        refs = [Ref("people", "main", "", str(one.fields.get("email", ""))) for one in batch]
        found = [record.ref if record else None for record in self.fetch(stream, refs)]
        pairs = zip(batch, found, strict=True)
        return super().write(stream, [replace(w, ref=w.ref or ref) for w, ref in pairs])


class ResubscribesOnUpdate(Acme):
    """Sends a status along with every update (mc-woocommerce#591)."""

    def send(self, batch: Sequence[Write], act: str = "change") -> list[Result]:
        yes = (Consent("news", Stance.YES),)
        return super().send([replace(one, consents=yes) for one in batch], act)


class SubscribesOverARefusal(Acme):
    """Does not read the destination before a YES."""

    def refuses(self, one: Write, record: Record) -> bool:
        return False


class LosesFailedInputs(Acme):
    """Answers only for what went well (airbyte#74725)."""

    def send(self, batch: Sequence[Write], act: str = "change") -> list[Result]:
        return [one for one in super().send(batch, act) if one.verdict is Verdict.OK]


class TrustsTheStatus(Acme):
    """Takes a 207 for success."""

    def result(self, answer: Mapping[str, Any], key: str) -> Result:
        return super().result({**answer, "status": 200}, key)


class RepeatsBlindly(Acme):
    """Says that an unanswered write was not done."""

    def send(self, batch: Sequence[Write], act: str = "change") -> list[Result]:
        return [
            replace(one, verdict=Verdict.RETRYABLE) if one.verdict is Verdict.UNKNOWN else one
            for one in super().send(batch, act)
        ]


class EchoesWhatWasSent(Acme):
    """Returns what it sent, not what was stored."""

    def result(self, answer: Mapping[str, Any], key: str) -> Result:
        found = super().result(answer, key)
        if found.record is None:
            return found
        return replace(found, record=replace(found.record, fields={"city": "sent"}))


class NamesThePerson(Acme):
    """Puts the address into the reason."""

    def result(self, answer: Mapping[str, Any], key: str) -> Result:
        found = super().result(answer, key)
        return replace(found, reason=f"{found.reason} {answer.get('person', {}).get('email')}")


class AddressInTheRoute(Acme):
    """Puts the address into the route, which is logged and named in errors."""

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        self.http.call("GET", f"/people/{refs[0].email}")
        return super().fetch(stream, refs)
