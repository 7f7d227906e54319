"""What a connector does for a data subject's rights (GDPR Arts. 15-21) in its vendor's system.

Each protocol belongs to a capability. What a connector does not declare becomes a manual task for a
person, never a silent skip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from hub.api.activities import Activity
from hub.api.types import RecordState, Ref, Result, Write


@dataclass(frozen=True, slots=True)
class Sought:
    """A person as a rights request looks for them: all by which a record may be theirs."""

    emails: Sequence[str] = ()  # present and former ones, in lower case, in every spelling
    phones: Sequence[str] = ()  # E.164
    refs: Sequence[Ref] = ()  # records that the hub has linked, records merged into them included


@dataclass(frozen=True, slots=True)
class Held:
    """One record of a sought person, found at the vendor."""

    ref: Ref  # with its id
    by: str  # how it was found: "link", "alias", "email", "phone"
    state: RecordState = RecordState.LIVE
    certain: bool = True  # False: a weak match (phone only), which a person must look at
    emails: Sequence[str] = ()  # further addresses that the record shows, former ones among them


@dataclass(frozen=True, slots=True)
class Exported:
    """Everything that the vendor lets be read of one record, in the vendor's own words."""

    ref: Ref
    values: Mapping[str, Any]  # JSON
    activities: Sequence[Activity] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    """Keys of `values` of which the whole is of one category of `hub.domain.rights.DataCategory`:
    "subscriptions" are "permissions". What is told of by no key is told apart by the mapped fields.
    """
    provided: frozenset[str] = frozenset()
    """Keys of `values` with what the person gave themselves: the answers in a form."""


class Act(StrEnum):
    """What was done to a record for a right, and can be read back."""

    ERASE = "erase"
    RESTRICT = "restrict"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading back showed of one record."""

    ref: Ref
    done: bool  # the act shows its effect: nothing there, nothing sent any more
    code: str = ""  # what exactly is shown, without personal data: "removed-from-api", "archived"


@dataclass(frozen=True, slots=True)
class Residual:
    """What a vendor may keep that no call reads, changes or verifies. Where the person was found,
    it becomes a manual task of its own."""

    code: str  # "reports", "workflows"; each once; no personal data
    act: Act | None  # what it escapes; None: the export, so that an access lacks it
    instructions: Mapping[str, str] = field(default_factory=dict)  # fi, sv, en


@runtime_checkable
class Locates(Protocol):
    """Finding every record of a person; Capability.LOCATE."""

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """For each of the persons, in order, every record in the whole account: in every stream
        and scope, also those that are not configured, also archived, denied or unsubscribed ones,
        each once.

        From authoritative endpoints, read after the call. An answer that may be incomplete is an
        error, not a shorter list: raises ConnectorError. Where that is neither Unavailable nor
        Misconfigured, each person is asked for alone.
        """
        ...


@runtime_checkable
class Exports(Protocol):
    """Reading all that is held of records; Capability.EXPORT."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """All that the vendor holds of those records (fields, permissions, activities), one answer
        per record that is still there. Raises ConnectorError."""
        ...


@runtime_checkable
class Rectifies(Protocol):
    """Correcting records (Art. 16); Capability.RECTIFY."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Correct the given fields of existing records, in scopes that are not configured too.
        Otherwise as `Writes.write`: one Result per Write."""
        ...


@runtime_checkable
class Erases(Protocol):
    """Deleting records for good (Art. 17); Capability.ERASE."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Delete those records for good, by id, never by address. OK says that the vendor took
        it on (`reason`: "erased", "accepted" where it is done later); a record that is no longer
        there is OK too ("absent"); a Write without an id is PERMANENT. One Result per Write."""
        ...


@runtime_checkable
class Restricts(Protocol):
    """Stopping all use of records (Art. 18); Capability.RESTRICT."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Stop all use of those records in a way that reads neither as a withdrawal nor as a
        deletion (Art. 18). `Result.memo` is what `lift` needs to bring the former state back; ""
        where that can no longer be told, as when the first answer was lost."""
        ...

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """End the restriction: the state that `Write.memo` tells of, unless the person refused
        meanwhile. OK only where that state is back; PERMANENT where it is not known.

        `Write.consents` are the refusals that the hub knows of: what they name must not read as a
        yes when the restriction has ended. REFUSED says that the vendor knew of one by itself."""
        ...


@runtime_checkable
class Verifies(Protocol):
    """Needed by every connector that declares ERASE or RESTRICT."""

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """Read back what an act came to, from authoritative endpoints: one answer per ref, in
        order. Raises ConnectorError."""
        ...
