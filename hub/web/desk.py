"""What every route works with: the hub, who is calling, and what that token may see and do.

A token belongs to controllers. It *acts* on a request only if it has all controllers that the
request concerns; then it sees the whole plan and every task, of other controllers too. With some of
them it *sees* the request and its own controllers' steps and tasks. A task is also seen and done by
the tokens of those whose task it is, whoever was asked; of the request they see no more than that.
What a token does not see is answered like what is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import structlog
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from hub.delivery.deployment import Deployment, Opened
from hub.domain.audit import Event
from hub.domain.rights import RequestState
from hub.rights import assess
from hub.rights.decide import load
from hub.rights.identity import Resolve
from hub.store import audit, requests, tokens
from hub.store.tokens import Scope, Token
from hub.vault.database import Connection, Row, read_only
from hub.web.problems import Refused
from hub.web.throttle import Throttle

log = structlog.get_logger(__name__)

Wake = Callable[[Iterable[str]], None]
"""Has the tasks of those systems looked at soon."""

READERS = (Scope.READ, Scope.HANDLE, Scope.APPROVE)


class Open(Protocol):
    """The hub, as far as the endpoint needs it (`hub.opening.Hub` is one)."""

    @property
    def deployment(self) -> Deployment:
        """Landscape, stores, vault, clock."""

    def open_system(self, name: str) -> Opened:
        """Open a configured system. Raises Misconfigured."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one caller may do."""

    refused_a_minute: int = 30  # calls with a token that is not accepted
    links_a_minute: int = 30  # looks at confirmation links
    clock: Callable[[], float] = time.monotonic


@dataclass
class Desk:
    """Everything that a route needs."""

    hub: Open
    waker: Wake
    limits: Limits = Limits()
    resolve: Resolve | None = None  # looks DNS up for DKIM; None asks the real one
    refused: Throttle = field(init=False)
    links: Throttle = field(init=False)
    told: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self.refused = Throttle(self.limits.refused_a_minute, 60, self.limits.clock)
        self.links = Throttle(self.limits.links_a_minute, 60, self.limits.clock)
        # a stranger must not be able to fill the audit log
        self.told = Throttle(1, 60, self.limits.clock)

    @property
    def deployment(self) -> Deployment:
        """The stores and the landscape."""
        return self.hub.deployment

    def wake(self, systems: Iterable[str]) -> None:
        """Have the tasks of those systems looked at. What fails here is no failure of the act,
        which is recorded: the hub looks once a minute for what is due."""
        try:
            self.waker(systems)
        except Exception as error:
            log.warning("not woken; looked at within a minute", exc_info=error)

    def wake_due(self) -> None:
        """Have everything looked at that is due now."""
        with read_only(self.deployment.database).connect() as connection:
            systems = requests.due_systems(connection, self.deployment.now())
        if systems:
            self.wake(systems)

    # who calls

    def caller(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Token:
        """Whose token the request carries. Raises Refused (401, 429)."""
        if credentials is None:
            raise Refused(
                401,
                "no-token",
                "Send a token: Authorization: Bearer hub_… (made by `hub token create`).",
                headers={"WWW-Authenticate": "Bearer"},
            )
        with read_only(self.deployment.database).connect() as connection:
            found = tokens.find(connection, credentials.credentials)
        why = "unknown" if found is None else found.refused(self.deployment.now())
        if found is not None and not why:
            return found
        self._slow_down(self.refused, request)
        raise Refused(
            401,
            "token-refused",
            "The token is unknown, has expired or was revoked.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            afterwards=lambda: self._tell_refused(found, why),
        )

    def link_used(self, request: Request) -> None:
        """Count a look at a confirmation link. Raises Refused (429)."""
        self._slow_down(self.links, request)

    def may(self, token: Token, *scopes: Scope) -> None:
        """Raise Refused (403) unless the token has one of the scopes."""
        if token.scopes.isdisjoint(scopes):
            wanted = " or ".join(scopes)
            raise Refused(
                403,
                "scope-missing",
                f"The token lacks the scope {wanted}.",
                afterwards=lambda: self._tell_refused(token, "scope"),
            )

    # what the caller may touch

    def seen(
        self, connection: Connection, token: Token, number: int, *, lock: bool = False
    ) -> Row[Any]:
        """A request that the token may see. Raises NoSuchRequest, also for one it may not."""
        row = load(connection, number, lock=lock)
        if token.controllers.isdisjoint(assess.controllers_of(row)):
            tasks = requests.tasks_of(connection, number)
            if not any(sees_task(token, one, row) for one in tasks):
                raise _unseen()
        return row

    def whole(
        self, connection: Connection, token: Token, number: int, *, lock: bool = False
    ) -> Row[Any]:
        """A request that the token may act on: it has all of its controllers, and the case file
        has not ended. Raises NoSuchRequest, Refused (403, 409)."""
        row = self.seen(connection, token, number, lock=lock)
        self.all_of(token, assess.controllers_of(row))
        if row.state == RequestState.ARCHIVED.value:
            raise Refused(409, "archived", "The case file of this request has ended.")
        return row

    def checked(self, token: Token, number: int) -> Row[Any]:
        """The same in a transaction of its own, before an act that has its own."""
        with read_only(self.deployment.database).connect() as connection:
            return self.whole(connection, token, number)

    def all_of(self, token: Token, controllers: Iterable[str]) -> None:
        """Raise Refused (403) unless the token has all of those controllers."""
        if not token.controllers.issuperset(controllers):
            raise Refused(
                403,
                "controller-missing",
                "This concerns a controller that the token does not have.",
                afterwards=lambda: self._tell_refused(token, "controller"),
            )

    def task(self, connection: Connection, token: Token, number: int, task_id: int) -> Row[Any]:
        """A task that the token may act on: it has all controllers of the request, or all whose
        task it is. Raises NoSuchRequest, Refused."""
        row = self.seen(connection, token, number)
        found = requests.get_task(connection, task_id)
        if found is None or found.request_id != number or not sees_task(token, found, row):
            raise _unseen()
        if not token.controllers.issuperset(assess.controllers_of(row)):
            self.all_of(token, found.controllers.split())
        return found

    def _slow_down(self, throttle: Throttle, request: Request) -> None:
        wait = throttle.wait(request.client.host if request.client else "")
        if wait:
            raise Refused(
                429,
                "too-many",
                "Too many of these: wait as long as Retry-After says.",
                headers={"Retry-After": str(int(wait) + 1)},
            )

    def _tell_refused(self, token: Token | None, why: str) -> None:
        subject = f"token {token.id}" if token else ""
        if self.told.wait(f"{why} {subject}"):
            return
        with self.deployment.database.begin() as connection:
            now = self.deployment.now()
            actor = token.actor if token else "unknown"
            audit.record(connection, now, Event.TOKEN_REFUSED, actor, subject, {"reason": why})


def sees_task(token: Token, task: Row[Any], request: Row[Any]) -> bool:
    """Whether the token has one of the controllers whose task it is, or may act on the request."""
    return not token.controllers.isdisjoint(task.controllers.split()) or (
        token.controllers.issuperset(assess.controllers_of(request))
    )


def _unseen() -> Refused:
    return Refused(404, "not-found", "There is no such thing here.")


bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="Made by `hub token create`; it has scopes, and the controllers it is for.",
)


def desk_of(request: Request) -> Desk:
    """The desk of the application that answers."""
    found: Desk = request.app.state.desk
    return found


def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Token:
    """Who calls; asked once for each request."""
    found: Token | None = getattr(request.state, "caller", None)
    if found is None:
        found = desk_of(request).caller(request, credentials)
        request.state.caller = found
    return found


def having(*scopes: Scope) -> Any:
    """A dependency: the caller's token, which has one of those scopes."""

    def needed(
        token: Annotated[Token, Depends(caller_of)], desk: Annotated[Desk, Depends(desk_of)]
    ) -> Token:
        desk.may(token, *scopes)
        return token

    return Depends(needed)


def visible(rows: Sequence[Row[Any]], token: Token, request: Row[Any]) -> list[Row[Any]]:
    """The tasks of a request that the token sees."""
    return [one for one in rows if sees_task(token, one, request)]


TheDesk = Annotated[Desk, Depends(desk_of)]
Reader = Annotated[Token, having(*READERS)]
Handler = Annotated[Token, having(Scope.HANDLE)]
Approver = Annotated[Token, having(Scope.APPROVE)]
Planner = Annotated[Token, having(Scope.HANDLE, Scope.APPROVE)]
Auditor = Annotated[Token, having(Scope.AUDIT)]
