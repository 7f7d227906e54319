"""HubSpot: contacts and subscription statuses both ways, engagements, and the rights of people."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.api import (
    API_VERSION,
    WHOLE_SCOPE,
    Act,
    ActivityKind,
    ActivityPage,
    Capability,
    ConnectorType,
    Context,
    Exported,
    Held,
    Page,
    Problem,
    Rate,
    Record,
    Ref,
    Result,
    Sought,
    StreamType,
    Verification,
    Write,
    hookimpl,
)
from plugins.hubspot.answers import BATCH
from plugins.hubspot.client import SEARCH_PAGE, Api
from plugins.hubspot.consenting import Consenter
from plugins.hubspot.engagements import Engagements
from plugins.hubspot.erasing import Eraser
from plugins.hubspot.exporting import Exporter
from plugins.hubspot.lists import ManualList
from plugins.hubspot.locating import Locator
from plugins.hubspot.mapping import EMAIL, LEGAL_BASES, STREAM, ConsentMapper, Mapper
from plugins.hubspot.reading import Reader
from plugins.hubspot.residuals import RESIDUALS
from plugins.hubspot.restricting import Restrictor
from plugins.hubspot.setup import Setup, checkboxes
from plugins.hubspot.writing import Writer

ACTS: Mapping[str, str] = {
    "FORM": "form",
    "FORM_SUBMISSION": "form",
    "HUBSPOT_FORM": "form",
    "EMAIL_PREFERENCES_PAGE": "preferences-page",
    "SUBSCRIPTION_PREFERENCES_PAGE": "preferences-page",
    "DOUBLE_OPT_IN": "double-opt-in",
}


class Settings(BaseModel):
    """What YAML says of one HubSpot account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(description="Service key or private app token of the account.")
    base_url: str = "https://api.hubapi.com"
    business_unit: int | None = Field(
        default=None, description="Business unit (brand) whose subscriptions are meant."
    )
    property_group: str = Field(
        default="hub",
        pattern=r"^[a-z][a-z0-9_]*$",
        description="Group in which the hub makes the custom properties it needs.",
    )
    overlap: float = Field(
        default=60.0,
        ge=0,
        description="Seconds that are read again, because HubSpot's search lags behind writes.",
    )
    restricted_list: str = Field(
        default="Hub: restricted",
        min_length=1,
        description="Static list on which restricted contacts (Art. 18) are put, made when it is "
        "first needed. Exclude it from sends and workflows.",
    )
    acts: Mapping[str, str] = Field(
        default=ACTS,
        description="Sources of a subscription status that show an act of the person, and which. "
        "Any other (API, import, CRM user, workflow) shows none, and then no consent counts.",
    )
    bounce_property: str | None = Field(
        default="hs_email_hard_bounce_reason_enum",
        description="Contact property that is filled once the address has bounced for good.",
    )
    legal_basis: str = Field(
        default="CONSENT_WITH_NOTICE",
        description="Legal basis given with a subscription that rests on consent.",
    )
    legal_basis_explanation: str = "Consent recorded in the hub"

    @field_validator("legal_basis")
    @classmethod
    def _known_basis(cls, value: str) -> str:
        if value not in LEGAL_BASES:
            known = ", ".join(sorted(LEGAL_BASES))
            raise ValueError(f"must be one of {known}")
        return value


@dataclass(frozen=True, slots=True)
class _Parts:
    """What works on records, once the account's properties are known."""

    reader: Reader
    writer: Writer
    consenter: Consenter


class HubSpot:
    """One HubSpot account. Implements `Connector`, `Writes`, `WritesConsents`, `ReadsActivities`
    and every protocol of `hub.api.rights`."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        assert isinstance(settings, Settings)
        self._settings = settings
        self._context = context
        self._api = Api(context.http, context.system, settings.business_unit)
        self._setup = Setup(self._api, context, settings.property_group)
        self._topics = context.topics.get(STREAM, ())
        self._engagements = Engagements(self._api, overlap=settings.overlap)
        exclusion = ManualList(self._api, context.system, settings.restricted_list)
        self._restrictor = Restrictor(self._api, self._setup, exclusion)
        self._lock = threading.Lock()
        self._made: _Parts | None = None

    def check(self) -> Sequence[Problem]:
        """See `Connector.check`."""
        return self._setup.check()

    def prepare(self) -> Sequence[str]:
        """Make the properties that the mapping writes and the account does not have."""
        made = self._setup.prepare()
        if made:
            with self._lock:
                self._made = None
        return made

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        """Subscription types by id, and the opt-out of all e-mail."""
        return {**self._api.definitions(), WHOLE_SCOPE: "All e-mail"}

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        """See `Connector.read` and `plugins.hubspot.reading`."""
        return self._parts().reader.pages(cursor)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """See `Connector.fetch`. A contact merged into another answers as that one."""
        return self._parts().reader.fetch(refs) if refs else []

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `Writes.write`."""
        return self._parts().writer.write(batch)

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `WritesConsents.write_consents`."""
        return self._parts().consenter.write(batch)

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        """See `ReadsActivities.activities` and `plugins.hubspot.engagements`."""
        if ActivityKind.COMMUNICATION not in self._context.activities.get(stream, ()):
            return iter(())
        return self._engagements.pages(cursor)

    # rights

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """See `Locates.locate` and `plugins.hubspot.locating`."""
        return Locator(self._api).locate(batch)

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """See `Exports.export` and `plugins.hubspot.exporting`."""
        return Exporter(self._api, self._engagements).export(refs)

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `Rectifies.rectify`. An archived contact cannot be written: PERMANENT, archived."""
        return self._parts().writer.rectify(batch)

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `Erases.erase` and `plugins.hubspot.erasing`."""
        return Eraser(self._api).erase(batch)

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `Restricts.restrict` and `plugins.hubspot.restricting`."""
        return self._restrictor.restrict(batch)

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `Restricts.lift` and `plugins.hubspot.restricting`."""
        return self._restrictor.lift(batch)

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """See `Verifies.verify`. That a contact is removed from the API does not prove the purge,
        which HubSpot finishes within 30 days and tells of nowhere."""
        if act is Act.ERASE:
            return Locator(self._api).gone(refs)
        return self._restrictor.verify(refs, act)

    # made at first use

    def _parts(self) -> _Parts:
        """Made at first use: which properties hold lists is asked of the account once."""
        with self._lock:
            if self._made is None:
                self._made = self._make(checkboxes(self._api.properties()))
            return self._made

    def _make(self, lists: frozenset[str]) -> _Parts:
        settings = self._settings
        fields = self._context.fields.get(STREAM, ())
        mapper = Mapper(fields, lists, bounce=settings.bounce_property)
        consents = ConsentMapper(self._topics, settings.acts)
        reader = Reader(
            self._api, mapper, consents if self._topics else None, overlap=settings.overlap
        )
        consenter = Consenter(
            self._api,
            reader,
            consents,
            legal_basis=settings.legal_basis,
            explanation=settings.legal_basis_explanation,
        )
        return _Parts(reader, Writer(self._api, mapper, reader, consenter, lists), consenter)


def _base_url(settings: BaseModel) -> str:
    assert isinstance(settings, Settings)
    return settings.base_url


def _auth(settings: BaseModel) -> Mapping[str, str]:
    assert isinstance(settings, Settings)
    return {"Authorization": f"Bearer {settings.token.get_secret_value()}"}


HUBSPOT = ConnectorType(
    kind="hubspot",
    title="HubSpot",
    api_version=API_VERSION,
    settings=Settings,
    streams=(
        StreamType(
            STREAM,
            email_field=EMAIL,
            read_page=SEARCH_PAGE,
            write_batch=BATCH,
            consent_batch=BATCH,
            activities=frozenset({ActivityKind.COMMUNICATION}),
        ),
    ),
    capabilities=frozenset(
        {
            Capability.READ,
            Capability.WRITE,
            Capability.WRITE_CONSENTS,
            Capability.READ_ACTIVITIES,
            Capability.LOCATE,
            Capability.EXPORT,
            Capability.RECTIFY,
            Capability.ERASE,
            Capability.RESTRICT,
        }
    ),
    open=HubSpot,
    base_url=_base_url,
    auth=_auth,
    limits={"": Rate(190, 10), "search": Rate(5, 1)},
    concurrency=8,
    residuals=RESIDUALS,
    sandbox="plugins.hubspot.sandbox:HubSpotSandbox",
)


@hookimpl
def hub_connector_types() -> Iterable[ConnectorType]:
    """Registers HubSpot."""
    return [HUBSPOT]
