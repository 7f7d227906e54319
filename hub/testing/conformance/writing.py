"""Conformance of creating and updating records."""

from __future__ import annotations

import pytest

from hub.api import EXISTS, FieldValue, Ref, Result, Stance, Verdict, Write
from hub.testing.conformance.base import Ability, Base, latest, text
from hub.testing.factories import no, write, yes

NOBODY = "999999999"


class Writing(Base):
    """`write`."""

    def creation(self, email: str, **fields: FieldValue) -> Write:
        return write(fields={self.type.email_field: email, **fields}, scope=self.scope)

    def sent(self, intent: Write) -> Result:
        return self.write(intent)[intent.key]

    def agrees(self, result: Result) -> None:
        """What was returned is what a fetch reads: the hub knows its echo by the value."""
        if result.record is None:
            return
        found = self.there(result.record.ref.id)
        assert result.record.ref.id == found.ref.id
        read = {name: text(value) for name, value in found.fields.items()}
        returned = {name: text(value) for name, value in result.record.fields.items()}
        differing = sorted(n for n, value in returned.items() if read.get(n) != value)
        assert not differing, f"returned otherwise than it reads back: {differing}"

    def test_a_create_is_stored(self) -> None:
        email = self.email("aino")
        result = self.sent(self.creation(email, **{self.editable_field: "Åbo"}))
        assert result.verdict is Verdict.OK, result.reason
        stored = self.stored(email)
        assert stored is not None
        assert stored[self.editable_field] == "Åbo"
        assert result.record is not None, "a create must tell the record's id"
        assert result.record.ref.id
        assert result.record.ref.scope == self.scope
        assert result.record.ref.stream == self.stream
        assert result.record.ref.id in latest(self.pages())
        self.agrees(result)

    def test_a_create_without_a_wish_subscribes_nobody(self) -> None:
        email = self.email("aino")
        assert self.sent(self.creation(email)).verdict is Verdict.OK
        assert self.stance(email) not in (Stance.YES, Stance.PENDING)

    def test_a_create_carries_the_first_wish(self) -> None:
        email = self.email("aino")
        intent = write(
            fields={self.type.email_field: email},
            scope=self.scope,
            consents=[yes(self.topic, self.clock.now())],
        )
        assert self.sent(intent).verdict is Verdict.OK
        assert self.stance(email) in (Stance.YES, Stance.PENDING)

    def test_a_create_carries_a_first_refusal(self) -> None:
        self.need(Ability.WITHDRAWAL)
        email = self.email("aino")
        refusal = [no(self.topic, self.clock.now())]
        fields = {self.type.email_field: email}
        made = self.sent(write(fields=fields, scope=self.scope, consents=refusal))
        assert made.verdict in (Verdict.OK, Verdict.PERMANENT)
        if made.verdict is Verdict.OK:
            assert self.stance(email) is Stance.NO, "the hub believes it to be there"

    def test_a_create_of_what_is_there_overwrites_nothing(self) -> None:
        email = self.email("aino")
        person = self.add_person(email, **{self.editable_field: "Vantaa"})
        self.subscribe_by_form(email)
        self.clock.advance(60)
        if self.can(Ability.WITHDRAWAL):
            self.unsubscribe(email)
        before, wish = self.stored(email), self.stance(email)
        self.clock.advance(60)
        intent = write(
            fields={self.type.email_field: email, self.editable_field: "Turku"},
            scope=self.scope,
            consents=[yes(self.topic, self.clock.now())],
        )
        result = self.sent(intent)
        assert (result.verdict, result.reason) == (Verdict.PERMANENT, EXISTS)
        assert self.stored(email) == before, "a create must never overwrite"
        assert self.stance(email) is wish, "a create must never touch an existing wish"
        assert result.record is not None, "EXISTS must tell the record that is there"
        assert result.record.ref.id == person
        assert result.record == self.there(person)

    def test_a_create_of_what_is_there_in_another_letter_case(self) -> None:
        self.need(Ability.ANY_CASE)
        email = self.email("aino")
        self.add_person(email, **{self.editable_field: "Vantaa"})
        result = self.sent(self.creation(email.upper(), **{self.editable_field: "Turku"}))
        assert (result.verdict, result.reason) == (Verdict.PERMANENT, EXISTS)
        assert self.count(email) == 1

    def test_an_update_changes_only_what_is_named(self) -> None:
        self.need(Ability.UPDATE)
        email = self.email("aino")
        fields = {self.editable_field: "Vantaa", self.other_field: "Myyjä"}
        person = self.add_person(email, **fields)
        self.clock.advance(60)
        result = self.sent(write(self.ref(person, email), {self.editable_field: "Lahti"}))
        assert result.verdict is Verdict.OK, result.reason
        stored = self.stored(email)
        assert stored is not None
        assert stored[self.editable_field] == "Lahti"
        assert stored[self.other_field] == "Myyjä"
        self.agrees(result)

    @pytest.mark.parametrize("wish", ["yes", "no", "none"])
    def test_an_update_never_carries_a_status(self, wish: str) -> None:
        self.need(Ability.UPDATE)
        email = self.email("aino")
        person = self.add_person(email)
        if wish != "none":
            self.subscribe_by_form(email)
        if wish == "no":
            self.clock.advance(60)
            self.unsubscribe(email)
        before, read = self.stance(email), self.there(person).consents
        self.clock.advance(60)
        result = self.sent(write(self.ref(person, email), {self.editable_field: "Lahti"}))
        assert result.verdict is Verdict.OK, result.reason
        assert self.stance(email) is before
        assert self.there(person).consents == read

    def test_an_update_by_id_alone(self) -> None:
        self.need(Ability.UPDATE)
        email = self.email("aino")
        person = self.add_person(email)
        assert self.sent(write(self.ref(person), {self.editable_field: "Lahti"})).verdict is (
            Verdict.OK
        )
        assert text((self.stored(email) or {}).get(self.editable_field)) == "Lahti"

    def test_an_update_reaches_a_record_whose_address_has_changed(self) -> None:
        self.need(Ability.UPDATE)
        old, new = self.email("aino.virtanen"), self.email("aino.korhonen")
        person = self.add_person(old)
        self.edit(person, self.type.email_field, new)
        result = self.sent(write(self.ref(person, old), {self.editable_field: "Lahti"}))
        assert result.verdict is Verdict.OK, result.reason
        assert text((self.stored(new) or {}).get(self.editable_field)) == "Lahti"
        assert self.stored(old) is None

    def test_none_empties_its_field(self) -> None:
        self.need(Ability.UPDATE)
        email = self.email("aino")
        fields = {self.editable_field: "Vantaa", self.other_field: "Myyjä"}
        person = self.add_person(email, **fields)
        result = self.sent(write(self.ref(person, email), {self.editable_field: None}))
        assert result.verdict is Verdict.OK, result.reason
        stored = self.stored(email)
        assert stored is not None
        assert text(stored.get(self.editable_field)) == ""
        assert stored[self.other_field] == "Myyjä"
        assert self.there(person).fields[self.editable_field] is None

    def test_a_changed_address_keeps_the_id(self) -> None:
        self.need(Ability.UPDATE, Ability.EMAIL_CHANGE)
        old, new = self.email("aino.virtanen"), self.email("aino.korhonen")
        person = self.add_person(old, **{self.editable_field: "Vantaa"})
        self.subscribe_by_form(old)
        wish = self.stance(old)
        result = self.sent(write(self.ref(person, old), {self.type.email_field: new}))
        assert result.verdict is Verdict.OK, result.reason
        assert self.stored(old) is None
        assert text((self.stored(new) or {}).get(self.editable_field)) == "Vantaa"
        assert self.stance(new) is wish
        for ref in (self.ref(person), self.ref(person, old), self.ref("", new)):
            (found,) = self.connector.fetch(self.stream, [ref])
            assert found is not None
            assert found.ref.id == person
            assert found.fields[self.type.email_field] == new
        assert person in latest(self.pages())
        self.agrees(result)

    def test_an_address_that_another_record_has_is_not_taken(self) -> None:
        self.need(Ability.UPDATE, Ability.EMAIL_CHANGE)
        aino, bertta = self.email("aino"), self.email("bertta")
        person = self.add_person(aino)
        other = self.add_person(bertta)
        result = self.sent(write(self.ref(person, aino), {self.type.email_field: bertta}))
        assert result.verdict is Verdict.PERMANENT
        assert self.there(person).fields[self.type.email_field] == aino
        assert self.there(other).fields[self.type.email_field] == bertta

    def test_an_update_of_what_is_not_there_is_permanent(self) -> None:
        email = self.email("tuntematon")
        ref = Ref(self.stream, self.scope, NOBODY, email)
        result = self.sent(write(ref, {self.editable_field: "Lahti"}))
        assert result.verdict is Verdict.PERMANENT
        assert result.reason != EXISTS
        assert self.stored(email) is None, "an update must never make a record"

    def test_an_update_that_the_vendor_cannot_do_is_permanent(self) -> None:
        if self.can(Ability.UPDATE):
            pytest.skip("the vendor can change a record's fields")
        email = self.email("aino")
        person = self.add_person(email, **{self.editable_field: "Vantaa"})
        result = self.sent(write(self.ref(person, email), {self.editable_field: "Lahti"}))
        assert result.verdict is Verdict.PERMANENT
        assert result.reason != EXISTS
        assert (self.stored(email) or {})[self.editable_field] == "Vantaa"

    def test_an_address_that_is_none_is_permanent(self) -> None:
        good = self.creation(self.email("aino"))
        bad = self.creation("ei-osoite")
        results = self.write(bad, good)
        assert results[bad.key].verdict is Verdict.PERMANENT
        assert results[good.key].verdict is Verdict.OK, "one bad input must not fail the others"

    def test_every_input_of_a_mixed_batch_gets_its_own_verdict(self) -> None:
        there, other = self.email("bertta"), self.email("cecilia")
        person = self.add_person(there, **{self.editable_field: "Vantaa"})
        self.add_person(other, **{self.editable_field: "Rauma"})
        batch = {
            "new": self.creation(self.email("aino"), **{self.editable_field: "Turku"}),
            "exists": self.creation(other, **{self.editable_field: "Turku"}),
            "update": write(self.ref(person, there), {self.editable_field: "Lahti"}),
            "lost": write(self.ref(NOBODY, self.email("x")), {self.editable_field: "Pori"}),
            "bad": self.creation("ei-osoite"),
            "new too": self.creation(self.email("doris")),
        }
        results = self.write(*batch.values())
        verdicts = {name: results[intent.key].verdict for name, intent in batch.items()}
        can_update = self.can(Ability.UPDATE)
        assert verdicts == {
            "new": Verdict.OK,
            "exists": Verdict.PERMANENT,
            "update": Verdict.OK if can_update else Verdict.PERMANENT,
            "lost": Verdict.PERMANENT,
            "bad": Verdict.PERMANENT,
            "new too": Verdict.OK,
        }
        assert results[batch["exists"].key].reason == EXISTS
        assert (self.stored(other) or {})[self.editable_field] == "Rauma"
        updated = "Lahti" if can_update else "Vantaa"
        assert (self.stored(there) or {})[self.editable_field] == updated
        for intent in batch.values():
            self.agrees(results[intent.key])

    def test_one_address_twice_in_a_batch_makes_one_record(self) -> None:
        email = self.email("aino")
        batch = [
            self.creation(email, **{self.editable_field: "Turku"}),
            self.creation(email, **{self.editable_field: "Lahti"}),
            self.creation(self.email("bertta")),
        ]
        results = self.write(*batch)
        assert self.count(email) == 1
        first, second = results[batch[0].key], results[batch[1].key]
        made = [one for one in (first, second) if one.verdict is Verdict.OK]
        assert len(made) == 1, "one of the two made the record, and only one"
        rest = second if made == [first] else first
        assert rest.verdict in (Verdict.RETRYABLE, Verdict.PERMANENT)
        expected = "Turku" if made == [first] else "Lahti"
        assert (self.stored(email) or {})[self.editable_field] == expected
        assert results[batch[2].key].verdict is Verdict.OK

    def test_one_record_twice_in_a_batch_ends_as_the_last_that_is_ok(self) -> None:
        self.need(Ability.UPDATE)
        email = self.email("aino")
        person = self.add_person(email)
        values = {}
        batch = []
        for value in ("Turku", "Lahti"):
            batch.append(write(self.ref(person, email), {self.editable_field: value}))
            values[batch[-1].key] = value
        results = self.write(*batch)
        done = [values[one.key] for one in batch if results[one.key].verdict is Verdict.OK]
        assert done, "at least one of them can be carried out"
        assert (self.stored(email) or {})[self.editable_field] == done[-1]

    def test_a_full_batch(self) -> None:
        size = min(self.type.write_batch, 100)
        batch = [
            self.creation(self.email(f"henkilo{n}"), **{self.editable_field: str(n)})
            for n in range(size)
        ]
        results = self.write(*batch)
        for n, intent in enumerate(batch):
            assert results[intent.key].verdict is Verdict.OK
            stored = self.stored(self.email(f"henkilo{n}")) or {}
            assert stored.get(self.editable_field) == str(n), "verdicts and inputs are mixed up"
            record = results[intent.key].record
            assert record is not None
            assert record.fields[self.type.email_field] == self.email(f"henkilo{n}")

    def test_nothing_to_write_is_nothing_answered(self) -> None:
        assert self.write() == {}
