"""The conformance suite passes over a good connector, and fails over each kind of bad one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from hub.api import (
    AuthFailed,
    Capability,
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
from hub.testing.conformance import Ability, ConnectorConformance
from hub.testing.sandbox import FaultKind, Sandbox
from tests.unit.testing.acme import Acme, AcmeSandbox, Settings, acme_type


class TestAcme(ConnectorConformance):
    """The good one."""

    connector_type = acme_type()
    stream, topic = "people", "news"
    editable_field, other_field = "city", "title"
    unsupported: ClassVar = {Ability.BOUNCE: "Acme sends no mail"}

    @property
    def acme(self) -> AcmeSandbox:
        assert isinstance(self.sandbox, AcmeSandbox)
        return self.sandbox

    def make_sandbox(self) -> Sandbox:
        return AcmeSandbox(now=self.clock.now)

    def settings(self) -> Settings:
        return Settings(token="right")

    def wrong_settings(self) -> Settings:
        return Settings(token="wrong")

    def seed(self) -> None:
        pass

    def add_person(self, email: str, **fields: str) -> str:
        return self.acme.add(email, fields)

    def add_malformed(self) -> None:
        self.acme.add(17, {})

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        person = self.acme.people[record_id]
        if field == "email":
            person["email"] = value
        else:
            person["fields"][field] = value
        self.acme.touch(record_id)

    def person(self, email: str) -> Mapping[str, Any]:
        person = self.acme.find("", email)
        assert person is not None
        return person

    def unsubscribe(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "no", "form")

    def subscribe_by_form(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "yes", "form")

    def subscribe_by_staff(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "yes", "screen")

    def archive(self, record_id: str) -> None:
        self.acme.people[record_id]["archived"] = True
        self.acme.touch(record_id)

    def remove(self, record_id: str) -> None:
        del self.acme.people[record_id]

    def merge(self, winner: str, loser: str) -> None:
        gone = self.acme.people.pop(loser)
        self.acme.people[winner]["merged"] += [loser, *gone["merged"]]
        self.acme.touch(winner)

    def stored(self, email: str) -> Mapping[str, Any] | None:
        person = self.acme.find("", email)
        return {**person["fields"], "email": person["email"]} if person else None

    def stance(self, email: str) -> Stance:
        return Stance(self.person(email)["wishes"].get("news", {"stance": "unstated"})["stance"])

    def count(self, email: str) -> int:
        return sum(str(p["email"]).lower() == email.lower() for p in self.acme.people.values())


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
        refs = [Ref("people", "", "", str(one.fields.get("email", ""))) for one in batch]
        found = [record.ref if record else None for record in self.fetch(stream, refs)]
        pairs = zip(batch, found, strict=True)
        return super().write(stream, [replace(w, ref=w.ref or ref) for w, ref in pairs])


class ResubscribesOnUpdate(Acme):
    """Sends a status along with every update (mc-woocommerce#591)."""

    def send(self, batch: Sequence[Write]) -> list[Result]:
        yes = (Consent("news", Stance.YES),)
        return super().send([replace(one, consents=yes) for one in batch])


class SubscribesOverARefusal(Acme):
    """Does not read the destination before a YES."""

    def refuses(self, one: Write, record: Record) -> bool:
        return False


class LosesFailedInputs(Acme):
    """Answers only for what went well (airbyte#74725)."""

    def send(self, batch: Sequence[Write]) -> list[Result]:
        return [one for one in super().send(batch) if one.verdict is Verdict.OK]


class TrustsTheStatus(Acme):
    """Takes a 207 for success."""

    def result(self, answer: Mapping[str, Any], key: str) -> Result:
        return super().result({**answer, "status": 200}, key)


class RepeatsBlindly(Acme):
    """Says that an unanswered write was not done."""

    def send(self, batch: Sequence[Write]) -> list[Result]:
        return [
            replace(one, verdict=Verdict.RETRYABLE) if one.verdict is Verdict.UNKNOWN else one
            for one in super().send(batch)
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


BROKEN: list[tuple[type[Acme], str, Mapping[str, Any]]] = [
    (SkipsEqualTimes, "test_equal_timestamps_at_the_cursor_are_not_skipped", {}),
    (SkipsEqualTimes, "test_every_cursor_goes_on_without_loss_in_another_process", {}),
    (SaysCompleteTooEarly, "test_only_the_last_page_of_an_enumeration_is_complete", {}),
    (StopsAfterOnePage, "test_everyone_is_enumerated", {}),
    (DropsBadRows, "test_a_malformed_row_is_rejected_and_the_rest_land", {}),
    (
        SwallowsErrors,
        "test_a_fetch_tells_the_truth_or_fails",
        {"kind": FaultKind.EMPTY, "times": None},
    ),
    (SwallowsErrors, "test_check_names_a_refused_credential_and_its_mend", {}),
    (SwallowsErrors, "test_check_names_an_unknown_field", {}),
    (AnswersInItsOwnOrder, "test_one_answer_per_ref_in_their_order", {}),
    (AnswersInItsOwnOrder, "test_the_unknown_is_none", {}),
    (ReadsEveryField, "test_a_field_that_is_not_mapped_is_absent", {}),
    (TakesArchivedForGone, "test_an_archived_record_is_not_gone", {}),
    (ForgetsMerges, "test_a_merge_leaves_the_loser_as_an_alias", {}),
    (EverySubscriptionIsAnAct, "test_a_subscription_by_staff_shows_no_act", {}),
    (TimesWithoutZone, "test_a_form_is_yes_with_its_act_and_time", {}),
    (Overwrites, "test_a_create_of_what_is_there_overwrites_nothing", {}),
    (ResubscribesOnUpdate, "test_an_update_never_carries_a_status", {"wish": "no"}),
    (SubscribesOverARefusal, "test_a_yes_over_a_refusal_is_refused_and_leaves_it", {}),
    (LosesFailedInputs, "test_every_input_of_a_mixed_batch_gets_its_own_verdict", {}),
    (TrustsTheStatus, "test_an_update_of_what_is_not_there_is_permanent", {}),
    (
        TrustsTheStatus,
        "test_records_end_as_they_are_told",
        {"kind": FaultKind.PARTIAL, "times": None},
    ),
    (RepeatsBlindly, "test_records_end_as_they_are_told", {"kind": FaultKind.TORN, "times": 1}),
    (RepeatsBlindly, "test_wishes_end_as_they_are_told", {"kind": FaultKind.EMPTY, "times": 1}),
    (EchoesWhatWasSent, "test_an_update_changes_only_what_is_named", {}),
    (NamesThePerson, "test_no_personal_data_is_said", {"kind": None, "times": None}),
    (AddressInTheRoute, "test_no_personal_data_is_said", {"kind": FaultKind.DROP, "times": None}),
]


@pytest.mark.parametrize(
    ("connector", "test", "given"),
    BROKEN,
    ids=[f"{connector.__name__}-{test}" for connector, test, _ in BROKEN],
)
def test_the_suite_finds(connector: type[Acme], test: str, given: Mapping[str, Any]) -> None:
    suite = account_of(connector)
    with pytest.raises(AssertionError):
        getattr(suite, test)(**given)
    suite.close()


def test_the_suite_finds_an_exception_out_of_check() -> None:
    suite = account_of(RaisesInCheck)
    with pytest.raises(AuthFailed):
        suite.test_check_names_a_refused_credential_and_its_mend()
    suite.close()


def test_what_is_not_declared_is_skipped_with_a_reason() -> None:
    suite = account_of(Acme)
    reading = replace(acme_type(), capabilities=frozenset({Capability.READ}))
    suite.connector_type = reading  # type: ignore[misc]  # an instance of its own, for this test
    with pytest.raises(pytest.skip.Exception, match="write is not declared"):
        suite.test_a_create_is_stored()
    with pytest.raises(pytest.skip.Exception, match="write_consents is not declared"):
        suite.test_a_no_goes_out()
    with pytest.raises(pytest.skip.Exception, match="Acme sends no mail"):
        suite.test_a_bounce_is_no_wish()
    suite.close()


def test_every_part_of_the_suite_runs() -> None:
    tests = [name for name, _ in inspect.getmembers(TestAcme) if name.startswith("test_")]
    assert len(tests) > 60
    undocumented = {test for _, test, _ in BROKEN} - set(tests)
    assert not undocumented


def account_of(connector: type[Acme]) -> TestAcme:
    """The suite over that connector, ready to run single tests."""
    suite = TestAcme()
    suite.connector_type = acme_type(connector)  # type: ignore[misc]  # an instance of its own, for this test
    suite.clients = []
    suite.fresh()
    return suite
