"""What a connector is to the hub, and what the hub gives a connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from hub.api.types import Page, Problem, Record, Ref, Result, Write


class Reply(Protocol):
    """A vendor's answer that is the connector's to interpret: 2xx, and 4xx except 401 and 429."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        ...

    def json(self) -> Any:
        """The body. Raises BadAnswer where it is empty, torn, or not JSON."""
        ...


class Http(Protocol):
    """The one way out to a vendor. Limits, waits, retries, logs and redacts."""

    def call(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        limit: str = "",
        idempotent: bool | None = None,
        html_ok: bool = False,
        apart: bool = False,
    ) -> Reply:
        """Call `route` ("/contacts/{id}", filled from `path`, each part percent-encoded).

        The route template is logged, the filled path and the body never. `limit` names further
        buckets of `ConnectorType.limits`, separated by spaces, narrowest last. `apart` says that
        a 429 may be about this call's own record (a daily limit per person): it then holds back
        no other call. `idempotent` says whether the call may be repeated after
        an uncertain outcome (default: GET, HEAD, PUT and DELETE may; a POST that only reads, such
        as a search, should say True).

        Raises Unavailable (network, 5xx after retries, nothing changed), RateLimited (429 after
        waiting within reason), Uncertain (a call that is not idempotent, or a PUT, PATCH
        or DELETE after its last try, may have been carried out),
        AuthFailed (401), BadAnswer (an HTML page where JSON is due).
        """
        ...

    def many(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Reply | Exception]:
        """Carry out several `call`s (keyword arguments of each) side by side, as many at once as
        the connector type's `concurrency` allows. Answers in order; an exception that `call`
        would have raised stands in its place."""
        ...


@runtime_checkable
class Connector(Protocol):
    """Reads one configured system. Methods may be called from several threads."""

    def check(self) -> Sequence[Problem]:
        """What stands in the way of running: credential, scopes, unknown fields, unknown scope
        ids. An empty answer means ready. Makes no change at the vendor."""
        ...

    def prepare(self) -> Sequence[str]:
        """Make what the mapping needs and the vendor allows to be made (custom properties).
        Answers what was made. Called once before the first write of a run; idempotent."""
        ...

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        """Topic id -> the vendor's title, for `hub check` and error messages."""
        ...

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        """Pages in the order of (updated, id).

        None begins a full enumeration, whose last page says `complete`. A page's cursor resumes
        after it, also in the middle of an enumeration and in another process. After the end it
        yields what changed since, with an overlap: the same record may come again. A row that
        cannot be understood goes to `Page.rejected`. Ends when there is nothing more now.
        """
        ...

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """The records as they are now, from an authoritative endpoint (never a search that may
        lag). By id, or by e-mail where the id is empty. One answer per ref, in order; None where
        there is nothing (an archived record is a Record with that state where the vendor tells)."""
        ...


@runtime_checkable
class Writes(Protocol):
    """What a connector that declares Capability.WRITE can do besides."""

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Carry out creates and updates; one Result per Write, correlated by key, none left out.

        A create never overwrites: what is already there is answered PERMANENT with reason EXISTS
        and its record. An update changes the given fields and nothing else; above all it never
        carries a subscription status. A create may carry `consents`: the initial state.
        May raise ConnectorError when the whole batch had one fate.
        """
        ...


@runtime_checkable
class WritesConsents(Protocol):
    """What a connector that declares Capability.WRITE_CONSENTS can do besides."""

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Carry out `Write.consents` on existing records. The destination's present state is read
        before every YES: a refusal found there is answered REFUSED and left as it is. Otherwise
        as `Writes.write`."""
        ...
