"""Connectors that are each wrong in one way that shows only later, and then harms people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from hub.api import (
    Consent,
    Held,
    Page,
    RateLimited,
    Record,
    Ref,
    Rejected,
    Result,
    Sought,
    Stance,
    Verdict,
    Write,
)
from tests.unit.testing.acme import Acme


class CompleteWithoutEveryone(Acme):
    """Says complete of what changed: who did not change would be taken for deleted."""

    def page(
        self,
        records: Sequence[Record],
        rejected: Sequence[Rejected],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        return replace(super().page(records, rejected, cursor, full, more), complete=not more)


class GoesOnByItself(Acme):
    """Keeps its place in the object: the next enumeration is none."""

    place: str | None = None

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        for page in super().read(stream, scope, cursor or self.place):
            self.place = page.cursor
            yield page


class AddressInTheCursor(Acme):
    """Remembers by the address how far it came."""

    def page(
        self,
        records: Sequence[Record],
        rejected: Sequence[Rejected],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        page = super().page(records, rejected, cursor, full, more)
        return replace(page, cursor=json.dumps([*cursor, records[-1].ref.email]))

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        return super().read(stream, scope, json.dumps(json.loads(cursor)[:3]) if cursor else None)


class ReadsEveryScope(Acme):
    """Takes the account for the scope."""

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        yield from super().read(stream, scope, cursor)
        if cursor is None:
            for page in super().read(stream, "annex", None):
                yield replace(page, complete=False)


class EveryRecordIsAnAct(Acme):
    """Takes whoever is there for somebody who came by themselves."""

    def record(self, person: Mapping[str, Any]) -> Record:
        at = datetime.fromisoformat(person["updated"])
        return replace(super().record(person), act="form", acted_at=at)


class ActWithoutItsTime(Acme):
    """Says that there was an act, and not when."""

    def record(self, person: Mapping[str, Any]) -> Record:
        return replace(super().record(person), act="form")


class TwoWishesOfOneTopic(Acme):
    """A bounce of the whole account beside the wish, under one topic: one hides the other."""

    def record(self, person: Mapping[str, Any]) -> Record:
        found = super().record(person)
        bounce = [Consent(one.topic, Stance.UNDELIVERABLE) for one in found.consents]
        return replace(found, consents=[*found.consents, *bounce])


class LeavesOutFirstRefusals(Acme):
    """A new record begins with what may be sent, and nothing else."""

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        wished = [[c for c in one.consents if c.stance is not Stance.NO] for one in batch]
        return super().write(
            stream, [replace(one, consents=c) for one, c in zip(batch, wished, strict=True)]
        )


class ThrottledIsFinal(Acme):
    """Takes "not so fast" for a no."""

    def send(self, batch: Sequence[Write], act: str = "change") -> list[Result]:
        try:
            return super().send(batch, act)
        except RateLimited:
            return [Result(one.key, Verdict.PERMANENT, "refused") for one in batch]


class CorrectsWishesToo(Acme):
    """A correction carries all that the write holds."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.act(batch, "change")


class LocatesInAscii(Acme):
    """Leaves out the letters that it does not know."""

    def located(self, sought: Sought) -> Sequence[Held]:
        emails = [one.encode("ascii", "ignore").decode() for one in sought.emails]
        return super().located(replace(sought, emails=emails))


class FindsThemElsewhere(Acme):
    """Asked for an address in one scope, it answers from any."""

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        found = super().fetch(stream, refs)
        beside = super().fetch(stream, [replace(one, scope="annex") for one in refs])
        return [one or other for one, other in zip(found, beside, strict=True)]
