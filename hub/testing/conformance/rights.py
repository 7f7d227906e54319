"""Conformance of what is done to records for a right: correcting, erasing, and proving it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from hub.api import (
    Act,
    Capability,
    ConnectorError,
    Erases,
    RecordState,
    Rectifies,
    Ref,
    Result,
    Stance,
    Verdict,
    Verification,
    Verifies,
    Write,
)
from hub.testing.conformance.base import Ability, Fate, latest, text
from hub.testing.conformance.faults import EVERY_FAULT
from hub.testing.conformance.locating import Exporting, only
from hub.testing.factories import write, yes
from hub.testing.sandbox import FaultKind

NOBODY = "999999999"

Send = Callable[..., dict[str, Result]]
"""One of the acts: writes in, their results out by key."""


class Acting(Exporting):
    """What the tests of all acts use. Batches are never larger than `write_batch`."""

    def verify(self, act: Act, *refs: Ref) -> list[Verification]:
        """What reading back shows, one answer per ref."""
        assert isinstance(self.connector, Verifies), "verify() is missing"
        answers = list(self.connector.verify(refs, act))
        assert [one.ref for one in answers] == list(refs), "one answer per ref, in their order"
        return answers

    def verified(self, act: Act, ref: Ref) -> bool:
        """Whether the act is shown to be done to that record."""
        return only(self.verify(act, ref)).done

    def does(self, send: Send, ref: Ref, *, memo: str = "", **fields: str | None) -> Result:
        """The result of one act on one record, which must be OK."""
        intent = Write(write().key, ref, ref.scope, fields, memo=memo)
        result = send(intent)[intent.key]
        assert result.verdict is Verdict.OK, result.reason
        self.settle()
        return result

    def strikes_of(
        self, send: Send, tell: Callable[[], Write], kind: FaultKind, times: int | None
    ) -> Iterator[tuple[str, Write, Fate]]:
        """The act once for each of its calls, with the fault at that call, in a new account."""
        self.fresh()
        first = tell()
        for call in self.calls_of(lambda: send(first)):
            self.fresh()
            intent = tell()
            self.strike(kind, times, call)
            fate = self.fates([intent], by=send)[intent.key]
            self.sandbox.faults.clear()
            if kind is FaultKind.DROP_AFTER:
                assert fate not in (Verdict.PERMANENT, Verdict.REFUSED), (
                    f"an answer that is lost at {call} is no {fate}"
                )
            yield f"{kind} at {call}", intent, fate

    def unverified_in_an_outage(
        self, act: Act, ref: Callable[[], Ref], kind: FaultKind, times: int | None
    ) -> None:
        """What is not done is never said to be, however the vendor fails."""
        self.fresh()
        first = ref()
        for call in self.calls_of(lambda: self.verify(act, first)):
            self.fresh()
            one = ref()
            self.strike(kind, times, call)
            try:
                done = self.verified(act, one)
            except ConnectorError:
                continue
            assert not done, f"{kind} at {call}: a vendor that fails proves nothing"


class Rectifying(Acting):
    """`rectify`."""

    def rectify(self, *batch: Write) -> dict[str, Result]:
        """Carry out. Skips the test where the connector does not rectify."""
        self.need(Capability.RECTIFY)
        assert isinstance(self.connector, Rectifies), "RECTIFY is declared, rectify() is missing"
        return self._send(batch, self.type.write_batch, self.connector.rectify)

    def test_a_correction_changes_only_what_is_named(self) -> None:
        self.need(Capability.RECTIFY)
        email, other = self.email("aino"), self.email("bertta")
        fields = {self.editable_field: "Vantaa", self.other_field: "Myyjä"}
        person = self.add_person(email, **fields)
        self.add_person(other, **fields)
        self.subscribe_by_form(email)
        wish, beside = self.stance(email), self.stored(other)
        self.clock.advance(60)
        self.does(self.rectify, self.ref(person, email), **{self.editable_field: "Vaasa"})
        stored = self.stored(email) or {}
        assert stored.get(self.editable_field) == "Vaasa"
        assert stored.get(self.other_field) == "Myyjä"
        assert self.stance(email) is wish, "a correction carries no status"
        assert self.stored(other) == beside
        assert self.there(person).fields[self.editable_field] == "Vaasa"

    def test_a_correction_carries_no_wish(self) -> None:
        self.need(Capability.RECTIFY)
        email = self.email("aino")
        person = self.add_person(email, **{self.editable_field: "Vantaa"})
        self.clock.advance(60)
        wish = [yes(self.topic, self.clock.now())]
        intent = write(self.ref(person, email), {self.editable_field: "Vaasa"}, consents=wish)
        assert self.rectify(intent)[intent.key].verdict is Verdict.OK
        assert self.stance(email) is Stance.UNSTATED

    def test_a_correction_in_a_scope_that_is_not_configured(self) -> None:
        self.need(Capability.RECTIFY)
        email = self.email("aino")
        self.add_person(email, **{self.editable_field: "Vantaa"})
        ref = self.elsewhere(email)
        self.does(self.rectify, ref, **{self.editable_field: "Vaasa"})
        assert (self.stored(email) or {})[self.editable_field] == "Vantaa", "the wrong scope's"
        if Capability.EXPORT in self.connector_type.capabilities:
            assert "Vaasa" in str(only(self.export(ref)).values)

    def test_a_correction_of_an_archived_record(self) -> None:
        self.need(Capability.RECTIFY, Ability.ARCHIVE)
        person, *_ = self.add_people(3)
        self.archive(person)
        intent = write(self.ref(person), {self.editable_field: "Vaasa"})
        if self.rectify(intent)[intent.key].verdict is Verdict.OK:
            assert self.there(person).fields[self.editable_field] == "Vaasa"
        assert self.there(person).state is RecordState.ARCHIVED, "a correction brings nobody back"

    def test_every_correction_gets_its_own_result(self) -> None:
        self.need(Capability.RECTIFY)
        people = list(self.add_people(3))
        batch = [write(self.ref(one), {self.editable_field: f"Kylä {one}"}) for one in people]
        lost = write(self.ref(NOBODY, self.email("x")), {self.editable_field: "Vaasa"})
        results = self.rectify(*batch[:2], lost, *batch[2:])
        assert {results[one.key].verdict for one in batch} == {Verdict.OK}
        assert results[lost.key].verdict is Verdict.PERMANENT
        assert self.stored(self.email("x")) is None, "a correction must never make a record"
        for one in people:
            assert self.there(one).fields[self.editable_field] == f"Kylä {one}"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_corrections_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.RECTIFY)
        email = self.email("aino")

        def tell() -> Write:
            person = self.add_person(email, **{self.editable_field: "Vantaa"})
            return write(self.ref(person, email), {self.editable_field: "Vaasa"})

        for where, intent, fate in self.strikes_of(self.rectify, tell, kind, times):
            done = text((self.stored(email) or {}).get(self.editable_field)) == "Vaasa"
            assert done or fate is not Verdict.OK, f"{where}: told OK, and nothing was changed"
            assert not done or fate not in (Verdict.PERMANENT, Verdict.REFUSED), (
                f"{where}: told {fate}, and it was carried out"
            )
            assert self.rectify(intent)[intent.key].verdict is Verdict.OK, "it can be repeated"


class Erasing(Rectifying):
    """`erase`, and the proof of it."""

    def erase(self, *batch: Write) -> dict[str, Result]:
        """Carry out. Skips the test where the connector does not erase."""
        self.need(Capability.ERASE)
        assert isinstance(self.connector, Erases), "ERASE is declared but erase() is missing"
        return self._send(batch, self.type.write_batch, self.connector.erase)

    def is_gone(self, person: str) -> bool:
        """Whether the record can no longer be fetched."""
        found = self.one(person)
        return found is None or found.state is RecordState.GONE

    def one_among_others(self) -> tuple[str, str]:
        """One among others. Answers id and address."""
        self.need(Capability.ERASE)
        email = self.email("aino")
        self.add_people(3)
        return self.add_person(email, **{self.editable_field: "Vantaa"}), email

    def test_erasing_takes_exactly_that_record(self) -> None:
        person, email = self.one_among_others()
        others = set(latest(self.pages())) - {person}
        before = {one: self.there(one) for one in others}
        self.does(self.erase, self.ref(person, email))
        assert self.is_gone(person)
        assert self.stored(email) is None
        assert {one: self.there(one) for one in others} == before, "another record was touched"
        live = {i for i, r in latest(self.pages()).items() if r.state is not RecordState.GONE}
        assert live == others

    def test_erasing_by_its_id_and_never_by_its_address(self) -> None:
        person, email = self.one_among_others()
        self.does(self.erase, self.ref(NOBODY, email))  # what had this id is no longer there
        assert not self.is_gone(person), "erased by its address: it is another record's now"
        intent = write(self.ref("", email))
        fate = self.fates([intent], by=self.erase)[intent.key]
        assert fate is not Verdict.OK, "an address alone says nothing of which record is meant"
        assert not self.is_gone(person)

    def test_erasing_though_its_address_has_changed(self) -> None:
        self.need(Ability.EMAIL_CHANGE)
        person, old = self.one_among_others()
        self.edit(person, self.type.email_field, self.email("aino.korhonen"))
        another = self.add_person(old)
        self.does(self.erase, self.ref(person, old))
        assert self.is_gone(person)
        assert not self.is_gone(another)

    def test_erasing_in_a_scope_that_is_not_configured(self) -> None:
        person, email = self.one_among_others()
        ref = self.elsewhere(email)
        assert not self.verified(Act.ERASE, ref)
        self.does(self.erase, ref)
        assert self.verified(Act.ERASE, ref)
        assert not self.is_gone(person), "the record of another scope was erased with it"

    def test_an_archived_record_is_erased_too(self) -> None:
        self.need(Ability.ARCHIVE)
        person, email = self.one_among_others()
        self.archive(person)
        assert not self.verified(Act.ERASE, self.ref(person, email)), "archived is not erased"
        self.does(self.erase, self.ref(person, email))
        assert self.is_gone(person)
        assert self.verified(Act.ERASE, self.ref(person, email))

    def test_erasing_again_is_fine_and_leaves_no_trace(self) -> None:
        person, email = self.one_among_others()
        self.does(self.erase, self.ref(person, email))
        before = self.vendor()
        assert self.does(self.erase, self.ref(person, email)).reason == "absent"
        assert self.does(self.erase, self.ref(NOBODY, self.email("x"))).reason == "absent"
        assert self.vendor() == before, "erasing who is not there must not put them anywhere"

    def test_an_erasure_is_proved_only_when_it_is_gone(self) -> None:
        person, email = self.one_among_others()
        ref = self.ref(person, email)
        assert not self.verified(Act.ERASE, ref)
        self.erase(write(ref))
        assert self.verified(Act.ERASE, ref) == self.is_gone(person), "accepted is not done yet"
        self.settle()
        proof = only(self.verify(Act.ERASE, ref))
        assert proof.done
        assert proof.code, "say what exactly is shown"

    def test_erasures_have_one_proof_per_record_in_their_order(self) -> None:
        person, email = self.one_among_others()
        gone, *_ = (one for one in latest(self.pages()) if one != person)
        self.does(self.erase, self.ref(gone))
        refs = [self.ref(person, email), self.ref(gone), self.ref(person), self.ref(NOBODY)]
        done = [one.done for one in self.verify(Act.ERASE, *refs)]
        assert done == [False, True, False, True]

    def test_who_is_erased_is_found_nowhere_afterwards(self) -> None:
        self.need(Capability.LOCATE)
        person, email = self.one_among_others()
        self.does(self.erase, self.ref(person, email))
        assert self.locate(self.ref(person, email), emails=[email]) == []

    def test_every_erasure_gets_its_own_result(self) -> None:
        self.need(Capability.ERASE)
        people = list(self.add_people(4))
        refs = [self.ref(people[0]), self.ref(NOBODY), *map(self.ref, people[1:3])]
        batch = [write(ref) for ref in refs]
        assert {one.verdict for one in self.erase(*batch).values()} == {Verdict.OK}
        self.settle()
        assert [self.is_gone(one) for one in people] == [True, True, True, False]
        assert self.erase() == {}

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_erasures_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.ERASE)

        def tell() -> Write:
            person, email = self.one_among_others()
            return write(self.ref(person, email))

        for where, intent, fate in self.strikes_of(self.erase, tell, kind, times):
            assert intent.ref
            self.settle()
            gone = self.is_gone(intent.ref.id)
            assert gone or fate is not Verdict.OK, f"{where}: told OK, and it is still there"
            assert not gone or fate not in (Verdict.PERMANENT, Verdict.REFUSED), (
                f"{where}: told {fate}, and it is gone"
            )
            # repeating is safe, whatever became of the first try
            self.does(self.erase, intent.ref)
            assert self.verified(Act.ERASE, intent.ref)
            assert len(latest(self.pages())) >= 3, f"{where}: others were erased with it"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_outage_proves_no_erasure(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.ERASE)
        self.unverified_in_an_outage(
            Act.ERASE, lambda: self.ref(*self.one_among_others()), kind, times
        )

    @pytest.mark.parametrize(
        ("kind", "times"), [*EVERY_FAULT, pytest.param(None, None, id="no-fault")]
    )
    def test_no_personal_data_is_said_for_a_right(
        self, kind: FaultKind | None, times: int | None
    ) -> None:
        email = self.email(self.canary.lower())
        fields = {self.editable_field: self.canary}
        operations: dict[Capability, Callable[[Ref], object]] = {
            Capability.LOCATE: lambda ref: self.locate(ref, emails=[email]),
            Capability.EXPORT: lambda ref: [e.ref.id for e in self.export(ref)],
            Capability.RECTIFY: lambda ref: self.rectify(write(ref, fields)),
            Capability.ERASE: self.erased_and_verified,
        }
        declared = operations.keys() & self.connector_type.capabilities
        if not declared:
            pytest.skip("no right is declared")
        for capability, operation in operations.items():
            if capability in declared:
                self.fresh()
                ref = self.ref(self.add_person(email, **fields), email)
                self.says_nothing_of_the_person(kind, times, lambda: operation(ref))  # noqa: B023 - called at once

    def erased_and_verified(self, ref: Ref) -> Sequence[object]:
        """The answers of both."""
        return [*self.erase(write(ref)).values(), *self.verify(Act.ERASE, ref)]
