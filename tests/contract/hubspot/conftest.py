"""One HubSpot account per test: its sandbox, the hub's connector, and the vendor's own client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import hubspot
import pytest

from hub.api import ActivityKind, Consent, Context, FieldValue, Page, Record, Ref, Result, Write
from hub.connect.http import HttpClient
from hub.connect.limits import Accounts
from hub.testing.clock import ManualClock
from hub.testing.factories import write
from hub.testing.inprocess import InProcess
from hub.testing.sandbox import Fault, FaultKind
from hub.testing.serving import serve
from plugins.hubspot.connector import HUBSPOT, HubSpot, Settings
from plugins.hubspot.sandbox import TOKEN, HubSpotSandbox

NEWSLETTER, EVENTS = "101", "102"
FIELDS = ("email", "firstname", "city", "jobtitle")


@dataclass
class Account:
    """A sandbox and the ways to it. `url` is empty where it is called in process."""

    clock: ManualClock
    sandbox: HubSpotSandbox
    stack: ExitStack
    url: str = ""
    clients: list[HttpClient] = field(default_factory=list)

    def open(
        self,
        *,
        token: str = TOKEN,
        fields: Sequence[str] = FIELDS,
        topics: Sequence[str] = (NEWSLETTER,),
        written: Sequence[str] | None = None,
        activities: Sequence[ActivityKind] = (),
        **settings: Any,
    ) -> HubSpot:
        """A connector of its own, as another process would have."""
        if self.url:
            settings["base_url"] = self.url
        chosen = Settings.model_validate({"token": token, **settings})
        http = HttpClient(
            "crowst-crm",
            HUBSPOT.base_url(chosen),
            HUBSPOT.auth(chosen),
            limits=HUBSPOT.limits,
            concurrency=HUBSPOT.concurrency,
            transport=None if self.url else InProcess(self.sandbox, self.clock),
            accounts=Accounts(self.clock),
            clock=self.clock,
        )
        self.stack.callback(http.close)
        return HubSpot(
            Context(
                system="crowst-crm",
                settings=chosen,
                http=http,
                fields={"contacts": tuple(fields)},
                scopes={"contacts": ("",)},
                topics={"contacts": tuple(topics)},
                now=self.clock.now,
                activities={"contacts": frozenset(activities)},
                written=None if written is None else {"contacts": tuple(written)},
            )
        )

    def add(self, email: str, **properties: Any) -> str:
        """A contact, modified now. Answers its id."""
        made = self.sandbox.account.create({"email": email, **properties}, self.sandbox.ms())
        return str(made.id)

    def people(self, count: int, domain: str = "kuviteltu.example") -> list[str]:
        """That many contacts, all modified now. Answers their ids."""
        return [self.add(f"henkilo{n:05}@{domain}") for n in range(count)]

    def fault(self, kind: FaultKind, route: str = "", **more: Any) -> None:
        """From now on, that fault."""
        self.sandbox.faults.append(Fault(kind, route=route, **more))

    def calls(self, route: str) -> list[dict[str, Any]]:
        """The requests received whose route ends so."""
        return [one for one in self.sandbox.journal if one["route"].endswith(route)]

    def status(self, email: str, topic: str = NEWSLETTER) -> str:
        """What the account holds of that address."""
        held = self.sandbox.account.statuses.get(email, {}).get(topic)
        return held.status if held else "NOT_SPECIFIED"


@pytest.fixture
def account() -> Iterator[Account]:
    """An account called in process, with two subscription types."""
    clock = ManualClock()
    with ExitStack() as stack:
        yield Account(clock, sandbox(clock), stack)


@pytest.fixture
def served() -> Iterator[Account]:
    """The same account over real HTTP."""
    clock = ManualClock()
    with ExitStack() as stack:
        made = Account(clock, sandbox(clock), stack)
        made.url = stack.enter_context(serve(made.sandbox))
        yield made


@pytest.fixture
def official(served: Account) -> hubspot.HubSpot:
    """The vendor's own client, pointed at the sandbox."""
    return official_client(served.url)


def official_client(url: str, token: str = TOKEN) -> hubspot.HubSpot:
    """The vendor's own client with that token."""
    return hubspot.Client.create(access_token=token, host=url, base_url=url)


def sandbox(clock: ManualClock) -> HubSpotSandbox:
    """An empty account with two subscription types."""
    made = HubSpotSandbox(now=clock.now)
    made.seed(
        {
            "definitions": [
                {"id": NEWSLETTER, "name": "Uutiskirje"},
                {"id": EVENTS, "name": "Tapahtumat"},
            ]
        }
    )
    return made


def pages(connector: HubSpot, cursor: str | None = None) -> list[Page]:
    """Everything that a read yields."""
    return list(connector.read("contacts", "", cursor))


def records(found: Sequence[Page]) -> dict[str, Record]:
    """The last state of each record, by id."""
    return {record.ref.id: record for page in found for record in page.records}


def ref(id_: str, email: str | None = None) -> Ref:
    """A contact's address."""
    return Ref("contacts", "", id_, email)


def create(email: str, *, consents: Sequence[Consent] = (), **fields: FieldValue) -> Write:
    """A create."""
    return write(fields={"email": email, **fields}, consents=consents)


def update(id_: str, **fields: FieldValue) -> Write:
    """An update by id."""
    return write(ref(id_), fields)


def sent(connector: HubSpot, *writes: Write) -> list[Result]:
    """Results of `write`, in the order of the writes."""
    results = connector.write("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


def consented(connector: HubSpot, *writes: Write) -> list[Result]:
    """Results of `write_consents`, in the order of the writes."""
    results = connector.write_consents("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


def by_key(results: Sequence[Result]) -> Mapping[str, Result]:
    """Results by key."""
    return {result.key: result for result in results}
