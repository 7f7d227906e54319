"""Conformance of activities: what happened is read once it is told, and never lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

import pytest

from hub.api import (
    Activity,
    ActivityKind,
    ActivityPage,
    AuthFailed,
    Capability,
    Connector,
    ConnectorError,
    ReadsActivities,
)
from hub.testing.conformance.base import MOST_PAGES, Ability
from hub.testing.conformance.faults import EVERY_FAULT, Discretion
from hub.testing.sandbox import FaultKind


class Activities(Discretion):
    """`activities`. Creating a record may be an activity too (a registration): no test counts."""

    def reader(self, connector: Connector | None = None) -> ReadsActivities:
        """The connector as one that reads activities. Skips the test where it does not."""
        self.need(Capability.READ_ACTIVITIES)
        reader = connector or self.connector
        assert isinstance(reader, ReadsActivities), (
            "READ_ACTIVITIES is declared but activities() is missing"
        )
        return reader

    @property
    def kind(self) -> ActivityKind:
        """The kind that most tests make."""
        self.need(Capability.READ_ACTIVITIES)
        assert self.kinds, "READ_ACTIVITIES is declared, and the stream offers no kind of them"
        return self.kinds[0]

    def told(self, cursor: str | None = None, *, by: Connector | None = None) -> list[ActivityPage]:
        """Everything that a read of activities from there yields."""
        reader = self.reader(by)
        pages = list(islice(reader.activities(self.stream, self.scope, cursor), MOST_PAGES))
        assert len(pages) < MOST_PAGES, "activities() goes on for ever: it must end"
        return pages

    def busy_people(self, count: int) -> list[str]:
        """That many records, with whose person something happens now. Answers their ids."""
        kind = self.kind
        people = list(self.add_people(count))
        for n, person in enumerate(people):
            self.add_activity(person, kind, f"Webinaari {n}")
        return people

    def concerned(self, activities: Iterable[Activity]) -> set[str]:
        """Whom the usual kind happened to."""
        return {one.ref.id for one in activities if one.kind is self.kind}

    def test_what_happened_is_told(self) -> None:
        people = self.busy_people(3)
        told = everything(self.told())
        assert self.concerned(told.values()) == set(people)
        for one in told.values():
            assert one.id, "an activity without an id is stored again at every read"
            assert (one.ref.stream, one.ref.scope) == (self.stream, self.scope)
            assert one.kind in self.type.activities, f"{one.kind} is not declared by the stream"

    def test_each_kind_is_told_as_what_it_is(self) -> None:
        assert self.kind
        for kind in self.kinds:
            self.fresh()
            person = self.add_person(self.email("aino"))
            self.add_activity(person, kind, "Webinaari")
            told = everything(self.told(by=self.open(activities=[kind]))).values()
            assert {(one.ref.id, one.kind) for one in told} == {(person, kind)}

    def test_times_of_activities_are_aware_and_true(self) -> None:
        kind = self.kind
        person = self.add_person(self.email("aino"))
        self.clock.advance(24 * 3600)
        self.add_activity(person, kind, "Webinaari")
        happened = self.clock.now()
        self.clock.advance(24 * 3600)
        times = [one.at for one in everything(self.told()).values() if one.kind is kind]
        assert all(at.utcoffset() is not None for at in times), "times must be aware"
        off = min(abs(at - happened) for at in times)
        assert off < timedelta(minutes=30), "the wrong time, or the wrong time zone"

    def test_ids_of_activities_carry_no_address(self) -> None:
        kind = self.kind
        email = self.email(self.canary.lower())
        self.add_activity(self.add_person(email), kind, "Webinaari")
        for one in everything(self.told()).values():
            assert not self.reveals(one.id), "an id is kept unsealed: no address, no hash of it"

    def test_ids_of_activities_are_the_same_whenever_they_are_read(self) -> None:
        self.busy_people(3)
        first = everything(self.told())
        self.clock.advance(3600)
        assert everything(self.told(by=self.open())) == first

    def test_only_the_kinds_that_are_asked_for(self) -> None:
        kind = self.kind
        if len(self.kinds) < 2:
            pytest.skip(f"only {kind} can be made to happen")
        person = self.add_person(self.email("aino"))
        for other in self.kinds:
            self.add_activity(person, other, "Webinaari")
        told = everything(self.told(by=self.open(activities=[kind])))
        assert {one.kind for one in told.values()} == {kind}, "data minimisation: no other kinds"
        assert everything(self.told(by=self.open(activities=()))) == {}

    def test_nothing_new_happened_is_nothing_or_the_same(self) -> None:
        self.busy_people(3)
        pages = self.told()
        known, cursor = everything(pages), end(pages)
        for _ in range(3):
            self.clock.advance(3600)
            pages = self.told(cursor)
            assert everything(pages).items() <= known.items(), "the same again has the same id"
            cursor = end(pages) or cursor

    @pytest.mark.parametrize("seconds", [0, 3600], ids=["the-same-moment", "an-hour-later"])
    def test_what_happens_later_is_told_once_read_again(self, seconds: int) -> None:
        self.busy_people(2)
        late = self.add_person(self.email("myohempi"))
        cursor = end(self.told())
        self.clock.advance(seconds)
        self.add_activity(late, self.kind, "Toinen webinaari")
        again = self.told(cursor, by=self.open())
        assert late in self.concerned(everything(again).values()), "what is new was skipped"
        assert end(again), "a page must say where to go on"

    def many(self) -> list[str]:
        """More than vendors tell of at a time."""
        return self.busy_people(min(self.type.read_page, 100) + 7)

    def test_cursors_of_activities_go_on_without_loss_in_another_process(self) -> None:
        self.need(Capability.READ_ACTIVITIES)
        people = self.many()
        pages = self.told()
        assert self.concerned(everything(pages).values()) == set(people), "one read tells it all"
        for n in spread(len(pages)):
            rest = self.told(pages[n].cursor, by=self.open())
            seen = self.concerned(everything([*pages[: n + 1], *rest]).values())
            assert seen == set(people), f"{len(set(people) - seen)} lost after page {n + 1}"

    def test_a_reader_of_activities_taken_up_page_by_page_loses_nothing(
        self,
    ) -> None:
        self.need(Capability.READ_ACTIVITIES)
        people = self.many()
        pages: list[ActivityPage] = []
        known: set[str | None] = set()
        cursor: str | None = None
        while cursor not in known and len(pages) < MOST_PAGES:
            known.add(cursor)
            reader = self.reader(self.open()).activities(self.stream, self.scope, cursor)
            pages += islice(reader, 1)
            cursor = end(pages)
        assert self.concerned(everything(pages).values()) == set(people)

    def test_a_malformed_activity_is_rejected_and_the_rest_land(self) -> None:
        self.need(Capability.READ_ACTIVITIES, Ability.MALFORMED_ACTIVITY)
        person, other = self.busy_people(2)
        self.add_malformed_activity(person)
        self.add_activity(other, self.kind, "Toinen webinaari")
        pages = self.told()
        assert self.concerned(everything(pages).values()) == {person, other}
        rejected = [row for page in pages for row in page.rejected]
        assert rejected, "the malformed row was dropped in silence"
        for row in rejected:
            assert row.reason
            assert "@" not in row.reason
            json.loads(row.raw)

    def test_a_refused_credential_tells_no_activities(self) -> None:
        self.busy_people(1)
        try:
            pages = self.told(by=self.open(settings=self.wrong_settings()))
        except AuthFailed:
            return
        raise AssertionError(f"activities() gave {len(pages)} pages to a refused credential")

    @pytest.mark.parametrize("first", [True, False], ids=["all", "what-is-new"])
    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_outage_of_activities_is_an_error_and_loses_nothing(
        self, kind: FaultKind, times: int | None, first: bool
    ) -> None:
        self.need(Capability.READ_ACTIVITIES)

        def happening() -> tuple[set[str], str | None]:
            self.fresh()
            people = self.busy_people(3)
            if first:
                return set(people), None
            cursor = end(self.told())
            self.clock.advance(3600)
            late = self.add_person(self.email("myohempi"))
            self.add_activity(late, self.kind, "Toinen webinaari")
            return {late}, cursor

        _, start = happening()
        for call in self.calls_of(lambda: self.told(start)):
            people, cursor = happening()
            self.strike(kind, times, call)
            pages: list[ActivityPage] = []
            try:
                # page by page, as the hub saves them: some may come before the error
                for page in self.reader().activities(self.stream, self.scope, cursor):
                    pages.append(page)
            except ConnectorError:
                self.sandbox.faults.clear()
                pages += self.told(end(pages) or cursor, by=self.open())
            missing = people - self.concerned(everything(pages).values())
            assert not missing, f"{kind} at {call}: {len(missing)} activities were passed over"

    @pytest.mark.parametrize(
        ("kind", "times"), [*EVERY_FAULT, pytest.param(None, None, id="no-fault")]
    )
    def test_no_personal_data_is_said_of_activities(
        self, kind: FaultKind | None, times: int | None
    ) -> None:
        happened = self.kind
        person = self.add_person(self.email(self.canary.lower()))
        self.add_activity(person, happened, f"Tervetuloa, {self.canary}")
        self.says_nothing_of_the_person(kind, times, self.told)


def spread(count: int, most: int = 12) -> list[int]:
    """At most that many of 0 … count - 1, the first and the last among them: a vendor that tells
    of one mailing at a time has hundreds of pages, each of which would be read to the end."""
    if count <= most:
        return list(range(count))
    return sorted({round(n * (count - 1) / (most - 1)) for n in range(most)})


def everything(pages: Iterable[ActivityPage]) -> dict[str, Activity]:
    """Every activity in the pages, by id."""
    return {one.id: one for page in pages for one in page.activities}


def end(pages: list[ActivityPage]) -> str | None:
    """Where to go on after the pages."""
    return pages[-1].cursor if pages else None
