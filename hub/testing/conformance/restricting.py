"""Conformance of restriction (Art. 18): use stops, and what was comes back."""

from __future__ import annotations

import pytest

from hub.api import (
    Act,
    Capability,
    Record,
    RecordState,
    Ref,
    Restricts,
    Result,
    Stance,
    Verdict,
    Write,
)
from hub.testing.conformance.base import Ability, latest
from hub.testing.conformance.faults import EVERY_FAULT
from hub.testing.conformance.rights import NOBODY, Acting
from hub.testing.factories import no, write
from hub.testing.sandbox import FaultKind

SENDING = (Stance.YES, Stance.PENDING)


class Restricting(Acting):
    """`restrict` and `lift`, and the proof of both."""

    def restricting(self) -> Restricts:
        """The connector as one that restricts. Skips the test where it does not."""
        self.need(Capability.RESTRICT)
        assert isinstance(self.connector, Restricts), "RESTRICT is declared, restrict() is missing"
        return self.connector

    def restrict(self, *batch: Write) -> dict[str, Result]:
        """Carry out."""
        return self._send(batch, self.type.write_batch, self.restricting().restrict)

    def lift(self, *batch: Write) -> dict[str, Result]:
        """Carry out."""
        return self._send(batch, self.type.write_batch, self.restricting().lift)

    def wishing(self, wish: str = "none", name: str = "aino") -> Ref:
        """A record of somebody with that wish, a minute ago."""
        self.need(Capability.RESTRICT)
        email = self.email(name)
        person = self.add_person(email, **{self.editable_field: "Vantaa"})
        if wish != "none":
            self.subscribe_by_form(email)
        if wish == "no":
            self.clock.advance(60)
            self.unsubscribe(email)
        self.clock.advance(60)
        return self.ref(person, email)

    def stance_of(self, ref: Ref) -> Stance:
        """What the sandbox holds of the person's wish."""
        assert ref.email
        return self.stance(ref.email)

    def shown(self, ref: Ref, cursor: str | None) -> list[Record]:
        """The record by every way that there is to it: none may take it for deleted."""
        found = self.there(ref.id)
        records = [found]
        enumerated = latest(self.pages())
        if found.state is not RecordState.ARCHIVED or Ability.ARCHIVED_LISTED not in (
            self.unsupported
        ):
            assert ref.id in enumerated, "an enumeration without it reads as its deletion"
        records += [
            seen[ref.id] for seen in (enumerated, self.changes(cursor or "")) if ref.id in seen
        ]
        return records

    @pytest.mark.parametrize("wish", ["yes", "none"])
    def test_a_restriction_reads_neither_as_a_refusal_nor_as_a_deletion(self, wish: str) -> None:
        ref = self.wishing(wish)
        cursor = self.pages()[-1].cursor
        self.does(self.restrict, ref)
        self.clock.advance(60)
        for record in self.shown(ref, cursor):
            assert record.state is not RecordState.GONE, "a restriction is no deletion"
            refused = [one for one in record.consents if one.stance is Stance.NO]
            assert not refused, "a restriction is no withdrawal: only the person withdraws"

    def test_nobody_else_is_restricted(self) -> None:
        ref, other = self.wishing("yes"), self.wishing("yes", "bertta")
        before = self.there(other.id)
        self.does(self.restrict, ref)
        assert self.there(other.id) == before
        done = [one.done for one in self.verify(Act.RESTRICT, other, ref)]
        assert done == [False, True]

    def test_a_restriction_is_proved_only_while_it_stands(self) -> None:
        ref = self.wishing("yes")
        assert not self.verified(Act.RESTRICT, ref), "nothing has been restricted yet"
        memo = self.does(self.restrict, ref).memo
        assert self.verified(Act.RESTRICT, ref)
        assert not self.verified(Act.LIFT, ref), "it has not been lifted yet"
        self.does(self.lift, ref, memo=memo)
        assert self.verified(Act.LIFT, ref)
        assert not self.verified(Act.RESTRICT, ref)

    @pytest.mark.parametrize("wish", ["yes", "no", "none"])
    def test_lifting_brings_back_what_was(self, wish: str) -> None:
        ref = self.wishing(wish)
        assert ref.email
        before, stance, stored = self.there(ref.id), self.stance_of(ref), self.stored(ref.email)
        self.clock.advance(60)
        memo = self.does(self.restrict, ref).memo
        self.clock.advance(60)
        self.does(self.lift, ref, memo=memo)
        after = self.there(ref.id)
        assert after.state is before.state
        assert after.fields == before.fields
        assert self.stance_of(ref) is stance
        assert self.wish(after).stance is self.wish(before).stance
        kept = self.stored(ref.email) or {}
        assert {n: kept.get(n) for n in before.fields} == {
            n: (stored or {}).get(n) for n in before.fields
        }

    def test_lifting_leaves_put_aside_what_was_put_aside(self) -> None:
        self.need(Ability.ARCHIVE)
        ref = self.wishing("yes")
        self.archive(ref.id)
        memo = self.does(self.restrict, ref).memo
        assert self.there(ref.id).state is RecordState.ARCHIVED
        # it need not say OK: a vendor that restricts by archiving may no longer tell the two apart
        self.lift(Write("lift", ref, ref.scope, {}, memo=memo))
        assert self.there(ref.id).state is RecordState.ARCHIVED

    def test_a_refusal_by_the_person_meanwhile_survives_lifting(self) -> None:
        self.need(Capability.RESTRICT, Ability.REFUSE_RESTRICTED)
        ref = self.wishing("yes")
        assert ref.email
        memo = self.does(self.restrict, ref).memo
        self.clock.advance(60)
        self.unsubscribe(ref.email)
        self.clock.advance(60)
        intent = Write("lift", ref, ref.scope, {}, memo=memo)
        self.lift(intent)
        assert self.stance_of(ref) not in SENDING, "lifting has overwritten a refusal"
        assert self.wish(self.there(ref.id)).stance is Stance.NO

    def test_a_refusal_that_the_hub_sent_meanwhile_survives_lifting(self) -> None:
        self.need(Capability.RESTRICT, Capability.WRITE_CONSENTS)
        ref = self.wishing("yes")
        memo = self.does(self.restrict, ref).memo
        self.clock.advance(60)
        refusal = write(ref, consents=[no(self.topic, self.clock.now())])
        taken = self.write_consents(refusal)[refusal.key].verdict
        self.lift(Write("lift", ref, ref.scope, {}, memo=memo))
        assert taken is not Verdict.OK or self.stance_of(ref) not in SENDING, (
            "lifting has overwritten a refusal"
        )

    def test_what_was_refused_elsewhere_meanwhile_is_not_brought_back(self) -> None:
        ref = self.wishing("yes")
        memo = self.does(self.restrict, ref).memo
        if self.stance_of(ref) in SENDING:
            return  # a restriction that takes no wish away brings none back
        self.clock.advance(60)
        refused = [no(self.topic, self.clock.now())]
        self.lift(Write("lift", ref, ref.scope, {}, refused, memo=memo))
        assert self.stance_of(ref) not in SENDING, "lifting has overwritten a refusal"

    @pytest.mark.parametrize("wish", ["yes", "none"])
    def test_restricting_twice_forgets_nothing(self, wish: str) -> None:
        ref = self.wishing(wish)
        before, stance = self.there(ref.id).state, self.stance_of(ref)
        first = self.does(self.restrict, ref).memo
        second = self.does(self.restrict, ref).memo
        # the first answer may have been lost: what the second says is all that is known
        intent = Write("lift", ref, ref.scope, {}, memo=second)
        if self.lift(intent)[intent.key].verdict is not Verdict.OK:
            self.does(self.lift, ref, memo=first)
        assert self.verified(Act.LIFT, ref), "told lifted, and still restricted"
        assert self.there(ref.id).state is before, "told lifted, and not what was"
        assert self.stance_of(ref) is stance

    def test_restricting_in_a_scope_that_is_not_configured(self) -> None:
        ref = self.wishing("yes")
        assert ref.email
        other = self.elsewhere(ref.email)
        memo = self.does(self.restrict, other).memo
        assert self.verified(Act.RESTRICT, other)
        assert not self.verified(Act.RESTRICT, ref)
        self.does(self.lift, other, memo=memo)
        assert not self.verified(Act.RESTRICT, other)

    def test_the_memo_says_nothing_of_the_person(self) -> None:
        ref = self.wishing("yes", self.canary.lower())
        assert not self.reveals(self.does(self.restrict, ref).memo), "a memo is kept unsealed"

    def test_restricting_makes_nobody(self) -> None:
        self.need(Capability.RESTRICT)
        before = self.vendor()
        ref = self.ref(NOBODY, self.email("tuntematon"))
        for send in (self.restrict, self.lift):
            intent = write(ref)
            assert send(intent)[intent.key].verdict in (Verdict.OK, Verdict.PERMANENT)
        assert self.vendor() == before
        assert self.restrict() == {}
        assert self.lift() == {}

    def test_every_restriction_gets_its_own_result(self) -> None:
        refs = [self.wishing("none", name) for name in ("aino", "bertta", "cecilia")]
        batch = [write(ref) for ref in refs]
        lost = write(self.ref(NOBODY))
        results = self.restrict(batch[0], lost, batch[1])
        assert [results[one.key].verdict for one in batch[:2]] == [Verdict.OK, Verdict.OK]
        assert [one.done for one in self.verify(Act.RESTRICT, *refs)] == [True, True, False]

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_restrictions_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.RESTRICT)

        def tell() -> Write:
            return write(self.wishing("yes"))

        for where, intent, fate in self.strikes_of(self.restrict, tell, kind, times):
            assert intent.ref
            done = self.verified(Act.RESTRICT, intent.ref)
            assert done or fate is not Verdict.OK, f"{where}: told OK, and it is still in use"
            # repeating is safe, whatever became of the first try
            memo = self.does(self.restrict, intent.ref).memo
            assert self.verified(Act.RESTRICT, intent.ref)
            lift = Write("lift", intent.ref, intent.ref.scope, {}, memo=memo)
            if self.lift(lift)["lift"].verdict is Verdict.OK:
                assert self.stance_of(intent.ref) is Stance.YES, f"{where}: forgot what was"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_liftings_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.RESTRICT)

        def tell() -> Write:
            ref = self.wishing("yes")
            memo = self.does(self.restrict, ref).memo
            return Write(write().key, ref, ref.scope, {}, memo=memo)

        for where, intent, fate in self.strikes_of(self.lift, tell, kind, times):
            assert intent.ref
            done = self.verified(Act.LIFT, intent.ref)
            assert done or fate is not Verdict.OK, f"{where}: told OK, and nothing was lifted"
            self.does(self.lift, intent.ref, memo=intent.memo)
            assert self.stance_of(intent.ref) is Stance.YES

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_outage_proves_no_restriction(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.RESTRICT)
        self.unverified_in_an_outage(Act.RESTRICT, lambda: self.wishing("yes"), kind, times)

    @pytest.mark.parametrize(
        ("kind", "times"), [*EVERY_FAULT, pytest.param(None, None, id="no-fault")]
    )
    def test_no_personal_data_is_said_of_a_restriction(
        self, kind: FaultKind | None, times: int | None
    ) -> None:
        ref = self.wishing("yes", self.canary.lower())

        def operation() -> list[object]:
            restricted = self.restrict(write(ref))
            return [
                *restricted.values(),
                *self.lift(write(ref)).values(),
                *self.verify(Act.RESTRICT, ref),
            ]

        self.says_nothing_of_the_person(kind, times, operation)
