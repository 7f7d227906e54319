"""Connectors that each read activities wrongly in one way."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import md5
from itertools import count, islice
from typing import Any

from hub.api import Activity, ActivityKind, ActivityPage, AuthFailed, ConnectorError
from tests.unit.testing.acme import Acme


class GoesOnOneTooFar(Acme):
    """Takes the cursor for the next one, and skips it."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        for page in super().activities(stream, scope, cursor):
            yield replace(page, cursor=str(int(page.cursor) + 1))


class StopsAfterOnePageOfActivities(Acme):
    """Forgets that there is more."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        return islice(super().activities(stream, scope, cursor), 1)


class DropsBadActivities(Acme):
    """Passes over what it does not understand."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        return (replace(page, rejected=()) for page in super().activities(stream, scope, cursor))


class EndsActivitiesOnErrors(Acme):
    """Takes a vendor that fails for one that has nothing more."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        try:
            yield from super().activities(stream, scope, cursor)
        except ConnectorError:
            yield ActivityPage((), (), "1000000")


class TellsNothingWhenRefused(Acme):
    """Takes a refused credential for an account without activities."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        with suppress(AuthFailed):
            yield from super().activities(stream, scope, cursor)


class TellsEveryKind(Acme):
    """Pays no heed to what is collected."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        every = {stream: frozenset(ActivityKind)}
        self.context = replace(self.context, activities=every)
        return super().activities(stream, scope, cursor)


class AddressInTheId(Acme):
    """Makes the id of the address's hash, as Mailchimp's own ids are made."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        for page in super().activities(stream, scope, cursor):
            people = self.fetch(stream, [one.ref for one in page.activities])
            emails = [str(one.ref.email).encode() if one else b"" for one in people]
            hashes = [md5(email, usedforsecurity=False).hexdigest() for email in emails]
            pairs = zip(page.activities, hashes, strict=True)
            yield replace(page, activities=[replace(a, id=f"{a.id}-{h}") for a, h in pairs])


class LogsTheSubject(Acme):
    """Writes the title into the log."""

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        logging.getLogger("acme").debug("read %s", row["about"])
        return super().activity(row, room)


class NewIdsAtEachRead(Acme):
    """Numbers what it reads."""

    numbers = count(1000)

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        return replace(super().activity(row, room), id=str(next(self.numbers)))


class NumbersTheSameAgain(NewIdsAtEachRead):
    """Overlaps, and numbers what it reads."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        return super().activities(stream, scope, None)


class ActivitiesWithoutZone(Acme):
    """Naive times."""

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        found = super().activity(row, room)
        return replace(found, at=found.at.replace(tzinfo=None))


class LocalTimesAsUtc(Acme):
    """Takes the times of Helsinki for those of Greenwich."""

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        found = super().activity(row, room)
        return replace(found, at=found.at + timedelta(hours=2))


class TakesAllForAttendance(Acme):
    """One kind for all."""

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        return replace(super().activity(row, room), kind=ActivityKind.ATTENDED)


class ActivitiesOfNoScope(Acme):
    """Does not say where it happened."""

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        return super().activity(row, "")
