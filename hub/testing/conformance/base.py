"""What the conformance tests stand on: the account under test and the acts done at the vendor."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from hub.api import (
    ActivityKind,
    Capability,
    Connector,
    ConnectorError,
    ConnectorType,
    Consent,
    Context,
    FieldValue,
    Http,
    Page,
    Record,
    Ref,
    Result,
    Stance,
    StreamType,
    Verdict,
    Write,
    Writes,
    WritesConsents,
)
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.sandbox import Sandbox

Fate = Verdict | ConnectorError
"""How one write ended: its verdict, or the error that its whole batch ended in."""

MOST_PAGES = 500


class Ability(StrEnum):
    """What most vendors have and some do not. One that a vendor lacks is named in
    `unsupported` with the reason, which the skipped tests show."""

    ARCHIVE = "archive"  # a record can be put aside and brought back
    ARCHIVED_LISTED = "archived-listed"  # a full enumeration tells of archived records
    REMOVE = "remove"  # a record can be removed for good
    MERGE = "merge"  # two records can be made one
    BOUNCE = "bounce"  # the vendor tells that an address cannot be delivered to
    ACT = "act"  # the vendor tells when a person's own subscription was made, and how
    STAFF_SUBSCRIBE = "staff-subscribe"  # someone else than the person can set "subscribed"
    CHANGED_CONSENTS = "changed-consents"  # a changed wish shows in what changed since
    EMAIL_CHANGE = "email-change"  # a record keeps its id when its address changes
    ANY_CASE = "any-case"  # an address is found whatever its letter case
    MALFORMED_ACTIVITY = "malformed-activity"  # a row of activities can be outside the contract
    REFUSE_RESTRICTED = "refuse-restricted"  # a person can withdraw while they are restricted
    UPDATE = "update"  # a record's fields can be changed through the API
    STAFF_EDIT = "staff-edit"  # someone else than the person can change a record's fields
    WITHDRAWAL = "withdrawal"  # the vendor can hold a refusal


class Base:
    """The settings and the vendor's side of a conformance run; see the package's docstring.

    Everything down to the line "what tests use" is for a connector's author to give or override.
    """

    connector_type: ClassVar[ConnectorType]
    stream: ClassVar[str]
    scope: ClassVar[str] = ""
    topic: ClassVar[str]  # a topic id whose wishes can be read, and written where declared
    editable_field: ClassVar[str]  # a vendor field that holds any text
    other_field: ClassVar[str]  # another one
    unsupported: ClassVar[Mapping[Ability, str]] = {}  # and why
    domain: ClassVar[str] = "kuviteltu.example"  # of the people made; vendors may refuse some
    activity_kinds: ClassVar[Sequence[ActivityKind]] = ()
    """The kinds that `add_activity` can make happen, at any time and to anyone; the first is the
    one most used. Empty: all that the stream offers."""
    phone_field: ClassVar[str] = ""  # the vendor field that `locate` finds a phone number in

    def settings(self) -> BaseModel:
        """Settings with a credential that the sandbox accepts."""
        raise NotImplementedError

    def wrong_settings(self) -> BaseModel:
        """Settings with a credential that it refuses."""
        raise NotImplementedError

    def seed(self) -> None:
        """Give `self.sandbox` its credential, scope and topic; nobody is in it yet."""
        raise NotImplementedError

    def add_person(self, email: str, **fields: str) -> str:
        """A record with those vendor fields, no wish stated, updated now. Answers its id."""
        raise NotImplementedError

    def add_malformed(self) -> None:
        """A record, updated now, that the vendor's contract does not allow: an address that is
        no text, a missing id."""
        raise NotImplementedError

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        """Someone edits the record in the vendor's own screen, now. Where only the person can
        (`STAFF_EDIT` unsupported), the person does, and says nothing else than before."""
        raise NotImplementedError

    def unsubscribe(self, email: str) -> None:
        """The person withdraws from `topic`, now."""
        raise NotImplementedError

    def subscribe_by_form(self, email: str) -> None:
        """The person fills in the vendor's form for `topic` and completes it, now."""
        raise NotImplementedError

    def subscribe_by_staff(self, email: str) -> None:
        """Someone else than the person, or an import, sets "subscribed" for `topic`, now."""
        raise NotImplementedError

    def bounce(self, email: str) -> None:
        """The address bounces for good, now."""
        raise NotImplementedError

    def archive(self, record_id: str) -> None:
        """The record is put aside, now."""
        raise NotImplementedError

    def remove(self, record_id: str) -> None:
        """The record is removed for good."""
        raise NotImplementedError

    def merge(self, winner: str, loser: str) -> None:
        """The two records are made one, now."""
        raise NotImplementedError

    def stored(self, email: str) -> Mapping[str, Any] | None:
        """The vendor fields of the live record with that address as the sandbox holds them,
        None where there is none. Looks past the API and past the connector."""
        raise NotImplementedError

    def stance(self, email: str) -> Stance:
        """What the sandbox holds of the person's wish on `topic`; UNSTATED where nothing."""
        raise NotImplementedError

    def count(self, email: str) -> int:
        """How many live records have that address, in any letter case. Override where the vendor
        can hold several."""
        return 0 if self.stored(email) is None else 1

    # … with Capability.READ_ACTIVITIES

    def add_activity(self, record_id: str, kind: ActivityKind, about: str) -> None:
        """It happened at the vendor, now, with that record's person. `about` is the subject or
        title, where the vendor has one of its own for each."""
        raise NotImplementedError

    def add_malformed_activity(self, record_id: str) -> None:
        """A row in the list of activities, now, that the vendor's contract does not allow: a
        time that is none, a missing id. Unless unsupported: Ability.MALFORMED_ACTIVITY."""
        raise NotImplementedError

    # … with Capability.LOCATE or another right

    def unlisted_scope_person(self, email: str) -> Ref:
        """A record of that person in a scope of `stream` that is not configured: another
        audience, another webinar; it is made where there is none. Only for scoped streams."""
        raise NotImplementedError

    def settle(self) -> None:
        """The vendor carries out what it took on for later (an erasure that it only accepted).
        Override where it does not do so at once."""

    def make_sandbox(self) -> Sandbox:
        """The vendor's stand-in, empty, going by `self.clock`."""
        assert self.connector_type.sandbox, "the connector type names no sandbox"
        module, _, name = self.connector_type.sandbox.partition(":")
        made = getattr(importlib.import_module(module), name)(now=self.clock.now)
        assert isinstance(made, Sandbox)
        return made

    def http(self, settings: BaseModel) -> Http:
        """The hub's own client, talking to `self.sandbox` in this process."""
        kind = self.connector_type
        client = HttpClient(
            "conformance",
            kind.base_url(settings),
            kind.auth(settings),
            limits=kind.limits,
            concurrency=kind.concurrency,
            token=kind.token(settings) if kind.token else None,
            transport=InProcess(self.sandbox, self.clock),
            clock=self.clock,
        )
        self.clients.append(client)
        return client

    # what tests use

    clock: ManualClock
    sandbox: Sandbox
    connector: Connector

    clients: list[HttpClient]  # made so far; closed when the test ends

    @pytest.fixture(autouse=True)
    def account(self) -> Iterator[None]:
        """Each test begins with an account of its own."""
        self.clients = []
        self.fresh()
        yield
        self.close()

    def close(self) -> None:
        """Let go of the clients' threads."""
        for client in self.clients:
            client.close()

    def fresh(self) -> None:
        """A new account with nobody in it, and a connector that has never seen it."""
        self.clock = ManualClock()
        self.sandbox = self.make_sandbox()
        self.seed()
        self.connector = self.open()
        if Capability.WRITE in self.connector_type.capabilities:
            self.connector.prepare()  # as the hub does before a run's first write

    def open(
        self,
        *,
        settings: BaseModel | None = None,
        fields: Sequence[str] | None = None,
        scope: str | None = None,
        topic: str | None = None,
        activities: Iterable[ActivityKind] | None = None,
    ) -> Connector:
        """Another connector object over the same account, as another process would have."""
        settings = self.settings() if settings is None else settings
        usual = (self.type.email_field, self.editable_field, self.other_field)
        return self.connector_type.open(
            Context(
                system="conformance",
                settings=settings,
                http=self.http(settings),
                fields={self.stream: tuple(usual if fields is None else fields)},
                scopes={self.stream: (self.scope if scope is None else scope,)},
                topics={self.stream: (self.topic if topic is None else topic,)},
                now=self.clock.now,
                activities={
                    self.stream: frozenset(self.kinds if activities is None else activities)
                },
            )
        )

    @property
    def type(self) -> StreamType:
        """The stream under test, as it is declared."""
        return self.connector_type.stream(self.stream)

    @property
    def kinds(self) -> Sequence[ActivityKind]:
        """The kinds of activities that the tests make."""
        return self.activity_kinds or sorted(self.type.activities)

    def vendor(self) -> str:
        """All that the vendor holds, as text: equal means unchanged."""
        return json.dumps(self.sandbox.state(), default=str, sort_keys=True)

    def need(self, *needed: Ability | Capability) -> None:
        """Skip the test where the vendor cannot do that or the connector does not declare it."""
        for one in needed:
            if isinstance(one, Ability):
                if one in self.unsupported:
                    pytest.skip(f"{one}: {self.unsupported[one]}")
            elif one not in self.connector_type.capabilities:
                pytest.skip(f"{one} is not declared")

    def can(self, ability: Ability) -> bool:
        """Whether the vendor can do that, where only a part of a test depends on it."""
        return ability not in self.unsupported

    def email(self, name: str) -> str:
        """A synthetic address."""
        return f"{name}@{self.domain}"

    def add_people(self, count: int) -> dict[str, str]:
        """That many people, all updated now. Answers id -> address."""
        made = {}
        for n in range(count):
            email = self.email(f"henkilo{n:05}")
            made[self.add_person(email)] = email
        return made

    def ref(self, record_id: str = "", email: str | None = None) -> Ref:
        """A reference into the scope under test."""
        return Ref(self.stream, self.scope, record_id, email)

    def pages(self, cursor: str | None = None, *, by: Connector | None = None) -> list[Page]:
        """Everything that a read from there yields."""
        reader = (by or self.connector).read(self.stream, self.scope, cursor)
        pages = list(islice(reader, MOST_PAGES))
        assert len(pages) < MOST_PAGES, "read() goes on for ever: it must end when nothing is left"
        return pages

    def changes(self, cursor: str) -> dict[str, Record]:
        """The last state of every record that a read from there yields."""
        return latest(self.pages(cursor))

    def one(self, record_id: str = "", email: str | None = None) -> Record | None:
        """The record as `fetch` answers it."""
        answers = self.connector.fetch(self.stream, [self.ref(record_id, email)])
        assert len(answers) == 1, "fetch() must give one answer per ref"
        return answers[0]

    def there(self, record_id: str = "", email: str | None = None) -> Record:
        """The record as `fetch` answers it, which must be there."""
        found = self.one(record_id, email)
        assert found is not None, "fetch() answers None for a record that is there"
        return found

    def wish(self, record: Record) -> Consent:
        """What the record says of `topic`; UNSTATED where it says nothing."""
        said = [consent for consent in record.consents if consent.topic == self.topic]
        assert len(said) <= 1, f"the record speaks {len(said)} times of one topic"
        return said[0] if said else Consent(self.topic, Stance.UNSTATED)

    def write(self, *batch: Write) -> dict[str, Result]:
        """Carry out through `write`, never more than `write_batch` at a time; I11 is checked.
        Skips the test where the connector does not write."""
        self.need(Capability.WRITE)
        assert isinstance(self.connector, Writes), "WRITE is declared but write() is missing"
        return self._send(batch, self.type.write_batch, self.connector.write)

    def write_consents(self, *batch: Write) -> dict[str, Result]:
        """Carry out through `write_consents`, never more than `consent_batch` at a time.
        Skips the test where the connector does not write wishes."""
        self.need(Capability.WRITE_CONSENTS)
        assert isinstance(self.connector, WritesConsents), (
            "WRITE_CONSENTS is declared but write_consents() is missing"
        )
        return self._send(batch, self.type.consent_batch, self.connector.write_consents)

    def fates(
        self,
        batch: Sequence[Write],
        *,
        consents: bool = False,
        by: Callable[..., dict[str, Result]] | None = None,
    ) -> dict[str, Fate]:
        """As `write`, `write_consents` or `by`, where a whole batch may also end in a
        ConnectorError."""
        fates: dict[str, Fate] = {}
        most = self.type.consent_batch if consents else self.type.write_batch
        send = by or (self.write_consents if consents else self.write)
        for part in chunks(batch, most):
            try:
                answers = send(*part)
            except ConnectorError as error:
                fates.update(dict.fromkeys((write.key for write in part), error))
            else:
                fates.update({key: result.verdict for key, result in answers.items()})
        return fates

    def _send(self, batch: Sequence[Write], most: int, send: Any) -> dict[str, Result]:
        results: dict[str, Result] = {}
        for part in chunks(batch, most):
            answers: Sequence[Result] = send(self.stream, part)
            asked, answered = (
                sorted(write.key for write in part),
                sorted(result.key for result in answers),
            )
            assert answered == asked, (
                f"every write gets exactly one verdict: asked for {asked}, answered {answered}"
            )
            for result in answers:
                assert isinstance(result.verdict, Verdict)
                results[result.key] = result
        return results


def chunks(batch: Sequence[Write], most: int) -> Iterable[Sequence[Write]]:
    """The batch in parts of at most `most`."""
    return (batch[start : start + most] for start in range(0, len(batch), most))


def latest(pages: Iterable[Page]) -> dict[str, Record]:
    """The last state of every record in the pages, by id."""
    return {record.ref.id: record for page in pages for record in page.records}


def text(value: FieldValue) -> str:
    """A field's value for comparison: an explicit empty is an empty text."""
    return "" if value is None else str(value)
