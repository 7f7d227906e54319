"""Conformance of finding all records of a person, and of reading all that they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

import pytest

from hub.api import (
    Capability,
    ConnectorError,
    Exported,
    Exports,
    Held,
    Locates,
    RecordState,
    Ref,
    Sought,
)
from hub.testing.conformance.base import Ability, latest
from hub.testing.conformance.faults import EVERY_FAULT, Discretion
from hub.testing.sandbox import Fault, FaultKind

T = TypeVar("T")


class Locating(Discretion):
    """`locate`."""

    def locate(
        self, *refs: Ref, emails: Sequence[str] = (), phones: Sequence[str] = ()
    ) -> list[Held]:
        """What is found. Skips the test where the connector does not locate."""
        self.need(Capability.LOCATE)
        assert isinstance(self.connector, Locates), "LOCATE is declared but locate() is missing"
        (found,) = self.connector.locate([Sought(emails, phones, refs)])
        return list(found)

    def elsewhere(self, email: str) -> Ref:
        """A record of that person in a scope that is not configured. Skips where there are none."""
        if not self.type.scoped:
            pytest.skip("the stream has no scopes")
        ref = self.unlisted_scope_person(email)
        assert ref.id
        assert ref.scope != self.scope
        return ref

    def test_locating_by_its_link(self) -> None:
        self.need(Capability.LOCATE)
        person, *_ = self.add_people(3)
        assert places(self.locate(self.ref(person))) == {(self.scope, person)}

    def test_locating_several_at_once(self) -> None:
        """Each is answered for in order: one twice, one by a link, one who is not there."""
        self.need(Capability.LOCATE)
        assert isinstance(self.connector, Locates)
        first, second = self.email("aino.virtanen"), self.email("eetu.korhonen")
        one, other = self.add_person(first), self.add_person(second)
        sought = [
            Sought([first]),
            Sought(),
            Sought([self.email("tuntematon.toinen")]),
            Sought(refs=[self.ref(other)]),
            Sought([second]),
            Sought([first]),
        ]
        answers = [places(found) for found in self.connector.locate(sought)]
        mine, theirs = {(self.scope, one)}, {(self.scope, other)}
        assert answers == [mine, set(), set(), theirs, theirs, mine]
        assert self.connector.locate([]) == []

    def test_locating_by_its_link_though_its_address_has_changed(self) -> None:
        self.need(Capability.LOCATE, Ability.EMAIL_CHANGE)
        old = self.email("aino.virtanen")
        person = self.add_person(old)
        self.edit(person, self.type.email_field, self.email("aino.korhonen"))
        found = self.locate(self.ref(person, old), emails=[old])
        assert places(found) == {(self.scope, person)}

    def test_locating_by_its_address(self) -> None:
        self.need(Capability.LOCATE)
        self.add_people(3)
        email = self.email("aino")
        person = self.add_person(email)
        found = only(self.locate(emails=[self.email("aino.entinen"), email]))
        assert (found.ref.stream, found.ref.scope, found.ref.id) == (
            self.stream,
            self.scope,
            person,
        )
        assert found.state is RecordState.LIVE
        assert found.certain
        assert found.by

    def test_locating_by_its_address_in_any_letter_case(self) -> None:
        self.need(Capability.LOCATE, Ability.ANY_CASE)
        person = self.add_person(self.email("Aino.VIRTANEN"))
        found = self.locate(emails=[self.email("aino.virtanen")])
        assert places(found) == {(self.scope, person)}

    def test_locating_by_an_address_outside_ascii(self) -> None:
        self.need(Capability.LOCATE)
        person = self.add_person(self.email("päivi.väisänen"))
        self.add_person(self.email("pivi.visnen"))
        found = self.locate(emails=[self.email("päivi.väisänen")])
        assert places(found) == {(self.scope, person)}

    def test_locating_by_its_address_after_it_was_changed(self) -> None:
        self.need(Capability.LOCATE, Ability.EMAIL_CHANGE)
        new = self.email("aino.korhonen")
        person = self.add_person(self.email("aino.virtanen"))
        self.edit(person, self.type.email_field, new)
        assert places(self.locate(emails=[new])) == {(self.scope, person)}

    def test_locating_though_searches_lag(self) -> None:
        self.need(Capability.LOCATE)
        self.sandbox.faults.append(Fault(FaultKind.SEARCH_LAG, value=3600.0))
        email = self.email("aino")
        person = self.add_person(email)
        assert places(self.locate(emails=[email])) == {(self.scope, person)}, (
            "found by a search that lags: only authoritative endpoints tell who is there"
        )

    def test_locating_among_more_people_than_a_page(self) -> None:
        self.need(Capability.LOCATE)
        people = self.add_people(self.type.read_page + 7)
        last, email = list(people.items())[-1]
        assert places(self.locate(emails=[email])) == {(self.scope, last)}

    def test_locating_in_a_scope_that_is_not_configured(self) -> None:
        self.need(Capability.LOCATE)
        email = self.email("aino")
        person, ref = self.add_person(email), self.elsewhere(email)
        everywhere = {(self.scope, person), (ref.scope, ref.id)}
        assert places(self.locate(emails=[email])) == everywhere
        assert places(self.locate(self.ref(person, email), emails=[email])) == everywhere

    def test_who_is_only_in_another_scope_is_not_read_in_this_one(self) -> None:
        """A scope says for whom and for what people signed up."""
        self.need(Capability.LOCATE)
        email = self.email("aino")
        self.elsewhere(email)
        person = self.add_person(self.email("bertta"))
        pages = self.pages()
        assert set(latest(pages)) == {person}
        assert self.one(email=email) is None

    def test_locating_an_archived_one_too(self) -> None:
        self.need(Capability.LOCATE, Ability.ARCHIVE)
        email = self.email("aino")
        person = self.add_person(email)
        self.archive(person)
        for found in (self.locate(emails=[email]), self.locate(self.ref(person, email))):
            assert places(found) == {(self.scope, person)}
            assert found[0].state is RecordState.ARCHIVED, "archived is neither live nor gone"

    def test_locating_one_that_unsubscribed_too(self) -> None:
        self.need(Capability.LOCATE, Ability.WITHDRAWAL)
        email = self.email("aino")
        person = self.add_person(email)
        self.unsubscribe(email)
        assert places(self.locate(emails=[email])) == {(self.scope, person)}

    def test_locating_what_was_merged_is_found_by_its_old_link(self) -> None:
        self.need(Capability.LOCATE, Ability.MERGE)
        winner, loser, _ = self.add_people(3)
        self.merge(winner, loser)
        assert places(self.locate(self.ref(loser))) == {(self.scope, winner)}

    def test_locating_by_its_phone_number_it_is_a_weak_match(self) -> None:
        self.need(Capability.LOCATE)
        if not self.phone_field:
            pytest.skip("the vendor is not asked by phone number")
        number = "+358401234567"
        person = self.add_person(self.email("aino"), **{self.phone_field: number})
        found = only(self.locate(phones=[number]))
        assert found.ref.id == person
        assert not found.certain, "a phone is shared: a person must look before anything is done"

    def test_locating_each_record_once(self) -> None:
        self.need(Capability.LOCATE)
        email = self.email("aino")
        person = self.add_person(email)
        refs = [self.ref(person, email), self.ref(person), self.ref("", email)]
        found = self.locate(*refs, emails=[email, email.upper(), email])
        assert [(one.ref.scope, one.ref.id) for one in found] == [(self.scope, person)]

    def test_locating_a_stranger_is_nowhere_and_stays_so(self) -> None:
        self.need(Capability.LOCATE)
        self.add_people(3)
        before = self.vendor()
        email = self.email("tuntematon")
        assert self.locate(self.ref("999999999", email), emails=[email]) == []
        assert self.locate() == []
        assert self.vendor() == before, "looking for somebody must leave no trace of them"

    def test_locating_nobody_else_is_found(self) -> None:
        self.need(Capability.LOCATE)
        email = self.email("aino")
        person = self.add_person(email)
        # what tokenised and prefix searches find too
        for name in ("aino.m", "eaino", "aino-aino"):
            self.add_person(self.email(name))
        assert places(self.locate(emails=[email])) == {(self.scope, person)}

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_outage_is_never_a_shorter_list(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.LOCATE)
        email = self.email("aino")

        def held() -> tuple[Ref, set[tuple[str, str]]]:
            self.fresh()
            person = self.add_person(email)
            expected = {(self.scope, person)}
            if self.type.scoped:
                ref = self.unlisted_scope_person(email)
                expected.add((ref.scope, ref.id))
            return self.ref(person, email), expected

        first, _ = held()
        for call in self.calls_of(lambda: self.locate(first, emails=[email])):
            # by its link, by its address, by both: none may hide that the others were not asked
            for linked, addressed in ((True, True), (False, True)):
                ref, expected = held()
                self.strike(kind, times, call)
                try:
                    found = self.locate(
                        *([ref] if linked else []), emails=[email] if addressed else []
                    )
                except ConnectorError:
                    continue
                assert places(found) == expected, (
                    f"{kind} at {call}: an answer that may be incomplete is an error"
                )


class Exporting(Locating):
    """`export`."""

    def export(self, *refs: Ref) -> list[Exported]:
        """What is exported. Skips the test where the connector does not export."""
        self.need(Capability.EXPORT)
        assert isinstance(self.connector, Exports), "EXPORT is declared but export() is missing"
        return list(self.connector.export(refs))

    def test_exporting_all_that_is_held_of_the_person_and_of_nobody_else(self) -> None:
        self.need(Capability.EXPORT)
        theirs = {self.editable_field: "Naantali", self.other_field: "Asianajaja"}
        email = self.email("aino")
        person = self.add_person(email, **theirs)
        other = {self.editable_field: "Ylivieska", self.other_field: "Kanttori"}
        self.add_person(self.email("bertta"), **other)
        exported = only(self.export(self.ref(person, email)))
        assert (exported.ref.scope, exported.ref.id) == (self.scope, person)
        said = json.dumps(exported.values, ensure_ascii=False).casefold()
        missing = [v for v in (email, *theirs.values()) if v.casefold() not in said]
        assert not missing, f"{len(missing)} of the person's values are missing"
        foreign = [v for v in (self.email("bertta"), *other.values()) if v.casefold() in said]
        assert not foreign, f"{len(foreign)} values are somebody else's"

    def test_exporting_every_field_not_only_the_mapped_ones(self) -> None:
        self.need(Capability.EXPORT)
        person = self.add_person(self.email("aino"), **{self.other_field: "Asianajaja"})
        connector = self.open(fields=(self.type.email_field,))
        assert isinstance(connector, Exports)
        exported = only(connector.export([self.ref(person)]))
        assert "Asianajaja" in json.dumps(exported.values, ensure_ascii=False)

    def test_exporting_permissions_are_part_of_it(self) -> None:
        self.need(Capability.EXPORT)
        email = self.email("aino")
        person = self.add_person(email)
        before = only(self.export(self.ref(person, email)))
        self.subscribe_by_form(email)
        after = only(self.export(self.ref(person, email)))
        assert after.values != before.values, "the person's permissions are not exported"

    def test_exporting_activities_are_part_of_it(self) -> None:
        self.need(Capability.EXPORT, Capability.READ_ACTIVITIES)
        person, other = self.add_people(2)
        for one in (person, other):
            self.add_activity(one, self.kinds[0], "Webinaari")
        exported = only(self.export(self.ref(person)))
        assert {(a.ref.id, a.kind) for a in exported.activities} >= {(person, self.kinds[0])}
        assert {a.ref.id for a in exported.activities} == {person}, "somebody else's activities"

    def test_exporting_of_every_record_that_is_located(self) -> None:
        self.need(Capability.EXPORT, Capability.LOCATE)
        email = self.email("aino")
        self.add_person(email)
        self.elsewhere(email)
        located = self.locate(emails=[email])
        exported = self.export(*(one.ref for one in located))
        assert {(e.ref.scope, e.ref.id) for e in exported} == places(located)
        for one in exported:
            assert email in json.dumps(one.values).casefold()

    def test_exporting_one_that_is_archived_and_not_what_is_gone(self) -> None:
        self.need(Capability.EXPORT, Ability.ARCHIVE)
        person, other, *_ = self.add_people(3)
        self.archive(person)
        refs = [self.ref(person), self.ref("999999999"), self.ref(other)]
        assert [one.ref.id for one in self.export(*refs)] == [person, other]

    def test_exporting_more_records_than_a_page(self) -> None:
        self.need(Capability.EXPORT)
        people = self.add_people(30)
        exported = self.export(*(self.ref(person) for person in people))
        assert [one.ref.id for one in exported] == list(people)
        for one in exported:
            said = json.dumps(one.values).casefold()
            assert [e for e in people.values() if e in said] == [people[one.ref.id]]

    def test_exporting_changes_nothing(self) -> None:
        self.need(Capability.EXPORT)
        person, *_ = self.add_people(3)
        before = self.vendor()
        self.export(self.ref(person), self.ref("999999999", self.email("tuntematon")))
        assert self.export() == []
        assert self.vendor() == before

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_export_is_whole_or_fails(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.EXPORT)

        def held() -> Ref:
            self.fresh()
            email = self.email("aino")
            person = self.add_person(email, **{self.editable_field: "Naantali"})
            self.subscribe_by_form(email)
            return self.ref(person, email)

        first = held()
        whole = self.export(first)
        for call in self.calls_of(lambda: self.export(first)):
            ref = held()
            self.strike(kind, times, call)
            try:
                exported = self.export(ref)
            except ConnectorError:
                continue
            assert exported, f"{kind} at {call}: a record that is there is not exported"
            assert exported[0].values.keys() == whole[0].values.keys(), (
                f"{kind} at {call}: a part of what is held is missing"
            )


def places(found: Sequence[Held]) -> set[tuple[str, str]]:
    """Scope and id of what was found."""
    return {(one.ref.scope, one.ref.id) for one in found}


def only(answers: Sequence[T]) -> T:
    """The one answer, of which there must be one."""
    assert len(answers) == 1, f"{len(answers)} answers about one record"
    return answers[0]
