"""Conformance of permissions: what a wish reads as, and how one is written."""

from __future__ import annotations

from datetime import timedelta

from hub.api import Capability, Record, Stance, Verdict
from hub.testing.conformance.base import Ability, Base, latest, text
from hub.testing.factories import no, write, yes


class Wishes(Base):
    """What is read after acts of the person, and after acts that are none."""

    def seen(self, person: str) -> list[Record]:
        """The record by every way that there is to it."""
        records = [self.there(person), latest(self.pages())[person]]
        for record in records:
            topics = [consent.topic for consent in record.consents]
            assert len(topics) == len(set(topics)), (
                f"a record speaks once of each topic, or one wish hides another: {topics}"
            )
            assert (record.act is None) == (record.acted_at is None), "an act has its time"
            assert record.acted_at is None or record.acted_at.utcoffset() is not None
        return records

    def test_nothing_said_is_not_a_wish(self) -> None:
        person = self.add_person(self.email("aino"))
        for record in self.seen(person):
            assert self.wish(record).stance is Stance.UNSTATED

    def test_a_withdrawal_is_no(self) -> None:
        self.need(Ability.WITHDRAWAL)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        self.clock.advance(60)
        self.unsubscribe(email)
        withdrawn = self.clock.now()
        for record in self.seen(person):
            wish = self.wish(record)
            assert wish.stance is Stance.NO
            if wish.at is not None:
                assert wish.at.utcoffset() is not None, "times must be aware"
                assert abs(wish.at - withdrawn) < timedelta(seconds=5)

    def test_a_form_is_yes_with_its_act_and_time(self) -> None:
        email = self.email("aino")
        person = self.add_person(email)
        self.clock.advance(60)
        self.subscribe_by_form(email)
        formed = self.clock.now()
        self.clock.advance(60)
        for record in self.seen(person):
            wish = self.wish(record)
            assert wish.stance is Stance.YES
            if Ability.ACT in self.unsupported:
                continue
            assert wish.act, "a form is an act of the person; without it no consent counts"
            assert wish.at is not None
            assert wish.at.utcoffset() is not None, "times must be aware"
            assert abs(wish.at - formed) < timedelta(seconds=5)

    def test_a_form_after_a_withdrawal_is_yes_and_later(self) -> None:
        self.need(Ability.ACT, Ability.WITHDRAWAL)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        self.clock.advance(60)
        self.unsubscribe(email)
        withdrawn = self.clock.now()
        self.clock.advance(60)
        self.subscribe_by_form(email)
        for record in self.seen(person):
            wish = self.wish(record)
            assert wish.stance is Stance.YES
            assert wish.act
            assert wish.at is not None
            assert wish.at > withdrawn, "the new consent must be later than the withdrawal"

    def test_a_subscription_by_staff_shows_no_act(self) -> None:
        self.need(Ability.STAFF_SUBSCRIBE)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_staff(email)
        for record in self.seen(person):
            assert self.wish(record).stance is Stance.YES
            assert self.wish(record).act is None, "nobody but the person can give a consent"
            assert record.act is None, "a record that others made is no way back after an erasure"

    def test_a_bounce_is_no_wish(self) -> None:
        self.need(Ability.BOUNCE)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        self.clock.advance(60)
        self.bounce(email)
        for record in self.seen(person):
            assert Stance.UNDELIVERABLE in {consent.stance for consent in record.consents}
            assert self.wish(record).stance is not Stance.NO

    def test_a_withdrawal_by_one_whose_address_bounces_is_told(self) -> None:
        self.need(Ability.BOUNCE, Ability.WITHDRAWAL)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        self.bounce(email)
        self.clock.advance(60)
        self.unsubscribe(email)
        for record in self.seen(person):
            assert self.wish(record).stance is Stance.NO

    def test_a_changed_wish_is_among_what_changed(self) -> None:
        self.need(Ability.CHANGED_CONSENTS, Ability.WITHDRAWAL)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        end = self.pages()[-1].cursor
        self.clock.advance(3600)
        self.unsubscribe(email)
        assert self.wish(self.changes(end)[person]).stance is Stance.NO

    def test_an_edit_by_staff_changes_no_wish(self) -> None:
        self.need(Ability.STAFF_EDIT)
        email = self.email("aino")
        person = self.add_person(email)
        self.subscribe_by_form(email)
        before = self.wish(self.there(person))
        self.clock.advance(3600)
        self.edit(person, self.editable_field, "Rauma")
        for record in self.seen(person):
            assert self.wish(record) == before


class WritingWishes(Base):
    """`write_consents`: the lane of permissions."""

    def someone(self, name: str = "aino") -> tuple[str, str]:
        self.need(Capability.WRITE_CONSENTS)
        email = self.email(name)
        return self.add_person(email, **{self.editable_field: "Vantaa"}), email

    def test_a_no_goes_out(self) -> None:
        person, email = self.someone()
        self.subscribe_by_form(email)
        self.clock.advance(60)
        intent = write(self.ref(person, email), consents=[no(self.topic, self.clock.now())])
        result = self.write_consents(intent)[intent.key]
        assert result.verdict is Verdict.OK, result.reason
        assert self.stance(email) is Stance.NO
        assert self.wish(self.there(person)).stance is Stance.NO

    def test_a_no_twice_is_fine(self) -> None:
        person, email = self.someone()
        for _ in range(2):
            self.clock.advance(60)
            intent = write(self.ref(person, email), consents=[no(self.topic, self.clock.now())])
            assert self.write_consents(intent)[intent.key].verdict is Verdict.OK
            assert self.stance(email) is Stance.NO

    def test_a_no_reaches_someone_who_never_said_anything(self) -> None:
        person, email = self.someone()
        intent = write(self.ref(person, email), consents=[no(self.topic, self.clock.now())])
        assert self.write_consents(intent)[intent.key].verdict is Verdict.OK
        assert self.stance(email) is Stance.NO

    def test_a_yes_goes_to_a_clean_record(self) -> None:
        person, email = self.someone()
        intent = write(self.ref(person, email), consents=[yes(self.topic, self.clock.now())])
        result = self.write_consents(intent)[intent.key]
        assert result.verdict is Verdict.OK, result.reason
        assert self.stance(email) in (Stance.YES, Stance.PENDING)

    def test_a_yes_that_the_hub_wrote_is_no_act_when_it_is_read(self) -> None:
        """Else it would stand against a refusal that was made meanwhile."""
        self.need(Ability.STAFF_SUBSCRIBE)
        person, _ = self.someone()
        self.clock.advance(60)
        ask = write(self.ref(person), consents=[yes(self.topic, act="recorded")])
        assert self.write_consents(ask)[ask.key].verdict is Verdict.OK
        for record in (self.there(person), latest(self.pages())[person]):
            assert self.wish(record).act is None

    def test_a_yes_over_a_refusal_is_refused_and_leaves_it(self) -> None:
        person, email = self.someone()
        self.subscribe_by_form(email)
        self.clock.advance(60)
        self.unsubscribe(email)
        self.clock.advance(60)
        intent = write(self.ref(person, email), consents=[yes(self.topic, self.clock.now())])
        result = self.write_consents(intent)[intent.key]
        assert result.verdict is Verdict.REFUSED, (
            "the destination's refusal is read before every YES, and stands"
        )
        assert self.stance(email) is Stance.NO

    def test_a_yes_to_one_whose_address_bounces_is_taken_for_no_refusal(self) -> None:
        """The hub records a prohibition for each REFUSED; a bounce says nothing of the wish."""
        self.need(Ability.BOUNCE)
        person, email = self.someone()
        self.bounce(email)
        ask = write(self.ref(person), consents=[yes(self.topic)], scope=self.scope)
        assert self.write_consents(ask)[ask.key].verdict is not Verdict.REFUSED

    def test_fields_are_left_alone(self) -> None:
        person, email = self.someone()
        before = self.stored(email)
        intent = write(
            self.ref(person, email),
            {self.editable_field: "Lahti"},
            consents=[yes(self.topic, self.clock.now())],
        )
        self.write_consents(intent)
        assert self.stored(email) == before, "the consent lane changes no field"

    def test_every_wish_of_a_mixed_batch_gets_its_own_verdict(self) -> None:
        self.need(Capability.WRITE_CONSENTS)
        people = {name: self.someone(name) for name in ("aino", "bertta", "cecilia")}
        self.unsubscribe(self.email("bertta"))
        self.clock.advance(60)
        at = self.clock.now()
        batch = {
            "yes": write(self.ref(*people["aino"]), consents=[yes(self.topic, at)]),
            "over": write(self.ref(*people["bertta"]), consents=[yes(self.topic, at)]),
            "no": write(self.ref(*people["cecilia"]), consents=[no(self.topic, at)]),
            "lost": write(
                self.ref("999999999", self.email("tuntematon")), consents=[yes(self.topic, at)]
            ),
        }
        results = self.write_consents(*batch.values())
        verdicts = {name: results[intent.key].verdict for name, intent in batch.items()}
        assert verdicts == {
            "yes": Verdict.OK,
            "over": Verdict.REFUSED,
            "no": Verdict.OK,
            "lost": Verdict.PERMANENT,
        }
        assert self.stance(self.email("aino")) in (Stance.YES, Stance.PENDING)
        assert self.stance(self.email("bertta")) is Stance.NO
        assert self.stance(self.email("cecilia")) is Stance.NO
        assert self.stored(self.email("tuntematon")) is None, "a wish must not make a record"

    def test_what_is_returned_is_what_is_read_back(self) -> None:
        person, email = self.someone()
        intent = write(self.ref(person, email), consents=[yes(self.topic, self.clock.now())])
        returned = self.write_consents(intent)[intent.key].record
        if returned is not None:
            found = self.there(person)
            assert self.wish(returned).stance is self.wish(found).stance
            assert {n: text(v) for n, v in returned.fields.items()}.items() <= {
                n: text(v) for n, v in found.fields.items()
            }.items()
