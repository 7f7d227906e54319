"""Conformance when the vendor or the way to it fails, at any call of an operation."""

from __future__ import annotations

import hashlib
import logging
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest

from hub.api import (
    EXISTS,
    Capability,
    ConnectorError,
    Stance,
    Uncertain,
    Verdict,
    Write,
)
from hub.testing.conformance.base import Ability, Base, Fate, latest, text
from hub.testing.factories import no, write, yes
from hub.testing.sandbox import Fault, FaultKind

PASSING = (
    FaultKind.TOO_MANY,
    FaultKind.SERVER_ERROR,
    FaultKind.FORBIDDEN_EMPTY,
    FaultKind.DROP,
    FaultKind.DROP_AFTER,
    FaultKind.TORN,
    FaultKind.EMPTY,
    FaultKind.HTML,
    FaultKind.PARTIAL,  # once: the first input of a batch; lasting: all of them
)
"""Faults of a single call."""

EVERY_FAULT = [
    *(pytest.param(kind, 1, id=f"{kind}-once") for kind in PASSING),
    *(pytest.param(kind, None, id=f"{kind}-lasting") for kind in PASSING),
]


@dataclass(frozen=True)
class Story:
    """Writes to be carried out, and how one sees at the vendor that each is done."""

    batch: Sequence[Write]
    done: Callable[[str], bool]  # by key
    consents: bool = False


class Failing(Base):
    """Every fault at every call that an operation makes, one at a time."""

    def calls_of(self, operation: Callable[[], object]) -> list[tuple[str, str]]:
        """The distinct (method, route) that the operation calls when all goes well."""
        self.sandbox.journal.clear()
        operation()
        called = [(str(one["method"]), str(one["route"])) for one in self.sandbox.journal]
        return list(dict.fromkeys(called))

    def strike(self, kind: FaultKind, times: int | None, call: tuple[str, str]) -> None:
        """From now on, that fault at that call."""
        method, template = call
        self.sandbox.faults.append(
            Fault(kind, method, f"^{re.escape(template)}$", times=times, value=1.0)
        )

    # reading

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_an_enumeration_is_whole_or_fails(self, kind: FaultKind, times: int | None) -> None:
        calls = self.calls_of(self.pages)
        for call in calls:
            self.fresh()
            people = self.add_people(5)
            self.strike(kind, times, call)
            try:
                pages = self.pages()
            except ConnectorError:
                continue
            complete = any(page.complete for page in pages)
            assert not complete or set(latest(pages)) == set(people), (
                f"{kind} at {call}: an enumeration that lost people says it is complete"
            )

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_what_changed_is_read_or_the_reader_fails(
        self, kind: FaultKind, times: int | None
    ) -> None:
        def changed() -> tuple[str, str]:
            self.fresh()
            person, *_ = self.add_people(5)
            end = self.pages()[-1].cursor
            self.clock.advance(3600)
            self.edit(person, self.editable_field, "Pori")
            return person, end

        _, start = changed()
        for call in self.calls_of(lambda: self.changes(start)):
            person, end = changed()
            self.strike(kind, times, call)
            try:
                pages = self.pages(end)
            except ConnectorError:
                continue
            assert person in latest(pages), f"{kind} at {call}: a change was passed over"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_a_fetch_tells_the_truth_or_fails(self, kind: FaultKind, times: int | None) -> None:
        for by_email in (False, True):
            person = self.add_person(self.email("aino"))
            ref = self.ref("", self.email("aino")) if by_email else self.ref(person)
            calls = self.calls_of(lambda ref=ref: self.connector.fetch(self.stream, [ref]))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            for call in calls:
                self.fresh()
                person = self.add_person(self.email("aino"))
                ref = self.ref("", self.email("aino")) if by_email else self.ref(person)
                self.strike(kind, times, call)
                try:
                    (found,) = self.connector.fetch(self.stream, [ref])
                except ConnectorError:
                    continue
                assert found is not None, (
                    f"{kind} at {call}: a record that is there is answered None"
                )
                assert found.ref.id == person
            self.fresh()

    # writing

    def records_story(self) -> Story:
        """A new person, one who is there, and an update where the vendor can do one."""
        field = self.editable_field
        new, there = self.email("aino"), self.email("bertta")
        person = self.add_person(there, **{field: "Vantaa"})
        self.clock.advance(60)
        create = write(
            fields={self.type.email_field: new, field: "Turku"}, scope=self.scope, key="create"
        )
        update = write(self.ref(person, there), {field: "Lahti"}, key="update")

        def done(key: str) -> bool:
            email, value = (new, "Turku") if key == "create" else (there, "Lahti")
            return text((self.stored(email) or {}).get(field)) == value

        return Story([create, update] if self.can(Ability.UPDATE) else [create], done)

    def wishes_story(self) -> Story:
        """A withdrawal of one person and a consent of another."""
        out, into = self.email("aino"), self.email("bertta")
        leaving, joining = self.add_person(out), self.add_person(into)
        self.subscribe_by_form(out)
        self.clock.advance(60)
        at = self.clock.now()
        batch = [
            write(self.ref(leaving, out), consents=[no(self.topic, at)], key="no"),
            write(self.ref(joining, into), consents=[yes(self.topic, at)], key="yes"),
        ]

        def done(key: str) -> bool:
            if key == "no":
                return self.stance(out) is Stance.NO
            return self.stance(into) in (Stance.YES, Stance.PENDING)

        return Story(batch, done, consents=True)

    def strikes(
        self, tell: Callable[[], Story], kind: FaultKind, times: int | None
    ) -> Iterator[tuple[tuple[str, str], Story, dict[str, Fate]]]:
        """The story told once for each of its calls, with the fault at that call."""
        self.fresh()
        story = tell()
        calls = self.calls_of(lambda: self.fates(story.batch, consents=story.consents))
        assert all(story.done(one.key) for one in story.batch), "it must succeed without faults"
        assert calls
        for call in calls:
            self.fresh()
            story = tell()
            self.strike(kind, times, call)
            fates = self.fates(story.batch, consents=story.consents)
            self.sandbox.faults.clear()
            yield call, story, fates

    def judge(
        self, kind: FaultKind, call: tuple[str, str], story: Story, key: str, fate: Fate
    ) -> None:
        """What is said to be done is done; what is said not to be done is not."""
        told = type(fate).__name__ if isinstance(fate, ConnectorError) else str(fate)
        where = f"{kind} at {call[0]} {call[1]}: {key} is told {told}"
        if isinstance(fate, Uncertain) or fate is Verdict.UNKNOWN:
            return
        if fate is Verdict.OK:
            assert story.done(key), f"{where}, and nothing was changed"
        elif fate in (Verdict.PERMANENT, Verdict.REFUSED):
            raise AssertionError(f"{where}: a vendor that fails has decided nothing")
        else:
            assert not story.done(key), f"{where}, and it was carried out: it is UNKNOWN"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_records_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.WRITE)
        for call, story, fates in self.strikes(self.records_story, kind, times):
            for key, fate in fates.items():
                # EXISTS is true of a record that an earlier, lost try has made
                if key == "create" and fate is Verdict.PERMANENT and story.done(key):
                    again = self.write(story.batch[0])[key]
                    assert again.reason == EXISTS
                    continue
                self.judge(kind, call, story, key, fate)

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_wishes_end_as_they_are_told(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.WRITE_CONSENTS)
        for call, story, fates in self.strikes(self.wishes_story, kind, times):
            for key, fate in fates.items():
                self.judge(kind, call, story, key, fate)

    @pytest.mark.parametrize("kind", [FaultKind.TOO_MANY, FaultKind.DROP, FaultKind.DROP_AFTER])
    def test_a_create_is_not_doubled_after_reading_back(self, kind: FaultKind) -> None:
        self.need(Capability.WRITE)
        email = self.email("aino")
        for _, story, fates in self.strikes(self.records_story, kind, 1):
            create = story.batch[0]
            if fates["create"] is not Verdict.OK and self.one(email=email) is None:
                assert self.write(create)["create"].verdict is Verdict.OK
            assert self.count(email) == 1
            assert self.one(email=email) is not None, "an uncertain create must be read back"

    @pytest.mark.parametrize(("kind", "times"), EVERY_FAULT)
    def test_a_yes_never_lands_on_a_refusal(self, kind: FaultKind, times: int | None) -> None:
        self.need(Capability.WRITE_CONSENTS)
        email = self.email("aino")

        def refusing() -> Write:
            self.fresh()
            person = self.add_person(email)
            self.subscribe_by_form(email)
            self.clock.advance(60)
            self.unsubscribe(email)
            self.clock.advance(60)
            return write(self.ref(person, email), consents=[yes(self.topic, self.clock.now())])

        first = refusing()
        for call in self.calls_of(lambda: self.write_consents(first)):
            intent = refusing()
            self.strike(kind, times, call)
            fate = self.fates([intent], consents=True)[intent.key]
            assert fate is not Verdict.OK
            assert self.stance(email) is Stance.NO, f"{kind} at {call}: a refusal was overwritten"

    def test_a_call_that_is_let_through_later_succeeds(self) -> None:
        self.need(Capability.WRITE)
        for call, _, fates in self.strikes(self.records_story, FaultKind.TOO_MANY, 1):
            for key, fate in fates.items():
                assert fate in (Verdict.OK, Verdict.RETRYABLE) or isinstance(
                    fate, ConnectorError
                ), f"429 once at {call} made {key} {fate}"


class Discretion(Failing):
    """No personal data in what operators and logs see."""

    canary = "Kanarialintu"

    @contextmanager
    def overheard(self) -> Iterator[StringIO]:
        """Everything that is logged and printed meanwhile."""
        heard = StringIO()
        handler = logging.StreamHandler(heard)
        handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(heard), redirect_stderr(heard):
                yield heard
        finally:
            root.removeHandler(handler)
            root.setLevel(level)

    def reveals(self, said: str) -> list[str]:
        """Which of the canary's data are found there."""
        email = self.email(self.canary.lower())
        secrets = [
            self.canary,
            email,
            email.replace("@", "%40"),
            hashlib.md5(email.encode(), usedforsecurity=False).hexdigest(),
        ]
        return [one for one in secrets if one.casefold() in said.casefold()]

    @pytest.mark.parametrize(
        ("kind", "times"), [*EVERY_FAULT, pytest.param(None, None, id="no-fault")]
    )
    def test_no_personal_data_is_said(self, kind: FaultKind | None, times: int | None) -> None:
        email = self.email(self.canary.lower())
        fields = {self.editable_field: self.canary}
        operations: list[Callable[[str], object]] = [
            lambda person: self.pages(),
            lambda person: self.connector.fetch(self.stream, [self.ref(person, email)]),
            lambda person: self.connector.fetch(self.stream, [self.ref("", email)]),
        ]
        if Capability.WRITE in self.connector_type.capabilities:
            address = {self.type.email_field: email}
            other = {self.type.email_field: self.email(f"{self.canary.lower()}2")}
            operations += [
                lambda person: self.write(write(fields={**address, **fields}, scope=self.scope)),
                lambda person: self.write(write(fields={**other, **fields}, scope=self.scope)),
                lambda person: self.write(
                    write(fields={self.type.email_field: self.canary}, scope=self.scope)
                ),
                lambda person: self.write(write(self.ref(person, email), fields)),
            ]
        if Capability.WRITE_CONSENTS in self.connector_type.capabilities:
            operations.append(
                lambda person: self.write_consents(
                    write(self.ref(person, email), consents=[yes(self.topic)])
                )
            )
        for operation in operations:
            self.fresh()
            person = self.add_person(email, **fields)
            self.says_nothing_of_the_person(kind, times, lambda: operation(person))  # noqa: B023 - called at once

    def says_nothing_of_the_person(
        self, kind: FaultKind | None, times: int | None, operation: Callable[[], object]
    ) -> None:
        """Neither the logs nor the texts for operators name the canary, whatever the fault."""
        if kind:
            self.sandbox.faults.append(Fault(kind, times=times, value=1.0))
        with self.overheard() as heard:
            said = self.said_by(operation)
        self.sandbox.faults.clear()
        found = self.reveals(said + heard.getvalue())
        assert not found, f"{kind}: personal data was said: {len(found)} kinds of it"

    def said_by(self, operation: Callable[[], object]) -> str:
        """The texts meant for operators that come of it: errors, reasons."""
        try:
            answer = operation()
        except ConnectorError as error:
            # not the frames: those name the source, which is the same for everyone
            chain: list[str] = []
            cause: BaseException | None = error
            while cause is not None:
                chain += traceback.format_exception_only(cause)
                chain += [repr(cause), getattr(cause, "mend", "")]
                cause = cause.__cause__ or cause.__context__
            return "\n".join(chain)
        answers = answer.values() if isinstance(answer, dict) else answer
        texts = ("reason", "memo", "code", "by")  # of results, verifications, records found
        return "\n".join(
            str(getattr(one, name, ""))
            for one in (answers if isinstance(answers, Iterable) else ())
            for name in texts
        )

    def test_no_personal_data_in_a_cursor(self) -> None:
        """Cursors are stored as they are, and outlive whoever was read."""
        self.add_people(2)
        self.clock.advance(60)
        self.add_person(self.email(self.canary.lower()), **{self.editable_field: self.canary})
        pages = self.pages()
        pages += self.pages(pages[-1].cursor)
        for page in pages:
            assert not self.reveals(page.cursor)

    def test_no_personal_data_in_the_reason_of_a_rejected_row(self) -> None:
        self.add_malformed()
        for page in self.pages():
            for row in page.rejected:
                assert "@" not in row.reason

    def test_no_personal_data_in_the_reason_of_a_refusal(self) -> None:
        self.need(Capability.WRITE_CONSENTS)
        email = self.email(self.canary.lower())
        person = self.add_person(email)
        self.unsubscribe(email)
        self.clock.advance(60)
        results = self.write_consents(
            write(self.ref(person, email), consents=[yes(self.topic, self.clock.now())])
        )
        assert not self.reveals("\n".join(result.reason for result in results.values()))
