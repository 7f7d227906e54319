"""HubSpot's HTTP API as the connector uses it: routes, bodies, and what its errors mean.

Paths are the date-versioned ones (2026-09). Every call that only reads may be repeated, also
where it is a POST; one whose body arrives torn is asked once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import (
    BadAnswer,
    Http,
    Misconfigured,
    MissingScope,
    Reply,
    Unavailable,
)
from plugins.hubspot.answers import deleted, listed, named, next_of, parts, reason, rows_of

LIST_PAGE = 100
SEARCH_PAGE = 200

OBJECTS = "/crm/objects/2026-09"
CONTACTS = f"{OBJECTS}/contacts"
LISTS = "/crm/v3/lists"
PROPERTIES = "/crm/properties/2026-09/contacts"
PREFERENCES = "/communication-preferences/2026-09"
DETAILS = "/account-info/v3/details"


class Api:
    """The calls. `system` is the configured name, for messages."""

    def __init__(self, http: Http, system: str, business_unit: int | None = None) -> None:
        self._http = http
        self._system = system
        self._unit: dict[str, str | int] = {"channel": "EMAIL"}
        if business_unit is not None:
            self._unit["businessUnitId"] = business_unit

    # reading

    def details(self) -> None:
        """Ask for the account, which needs no scope: raises AuthFailed for a wrong token."""
        self._ask({"method": "GET", "route": DETAILS})

    def properties(self) -> dict[str, dict[str, Any]]:
        """The contact properties by name."""
        found = self._ask({"method": "GET", "route": PROPERTIES})
        return {one["name"]: one for one in listed(found, "results", "name")}

    def groups(self) -> set[str]:
        """The names of the groups of contact properties."""
        found = self._ask({"method": "GET", "route": f"{PROPERTIES}/groups"})
        return {one["name"] for one in listed(found, "results", "name")}

    def definitions(self) -> dict[str, str]:
        """Subscription types: id -> name."""
        query = {key: value for key, value in self._unit.items() if key != "channel"}
        found = self._ask({"method": "GET", "route": f"{PREFERENCES}/definitions", "query": query})
        return {str(one["id"]): str(one.get("name")) for one in listed(found, "results", "id")}

    def page(
        self, after: str, names: Sequence[str], *, archived: bool
    ) -> tuple[list[Any], str | None]:
        """One page of all contacts in the order of id, and where the next begins."""
        return self.page_of(self._ask(self.page_call(after, names, archived=archived)))

    def page_call(self, after: str, names: Sequence[str], *, archived: bool) -> dict[str, Any]:
        """The call of `page`, to be made beside others."""
        query: dict[str, str | int] = {"limit": LIST_PAGE, "properties": ",".join(names)}
        query["archived"] = "true" if archived else "false"
        if after:
            query["after"] = after
        return {"method": "GET", "route": CONTACTS, "query": query}

    def page_of(self, answer: Any) -> tuple[list[Any], str | None]:
        """What `page` answers, from the body of its call."""
        return rows_of(answer), next_of(answer)

    def search(
        self,
        filters: Sequence[Mapping[str, str]],
        sort: str,
        names: Sequence[str],
        limit: int,
        *,
        route: str = CONTACTS,
    ) -> tuple[list[Any], bool]:
        """The first `limit` contacts, or objects of that route, that pass all filters, and whether
        there are more."""
        return self.search_any([filters] if filters else [], sort, names, limit, route=route)

    def search_any(
        self,
        groups: Sequence[Sequence[Mapping[str, str]]],
        sort: str,
        names: Sequence[str],
        limit: int,
        *,
        route: str = CONTACTS,
    ) -> tuple[list[Any], bool]:
        """As `search`, those that pass all filters of at least one group."""
        found = self._ask(
            {
                "method": "POST",
                "route": f"{route}/search",
                "limit": "search",
                "json": {
                    "filterGroups": [{"filters": list(filters)} for filters in groups],
                    "sorts": [sort],
                    "properties": list(names),
                    "limit": limit,
                    "after": "0",
                },
            }
        )
        return rows_of(found), next_of(found) is not None

    def contacts(
        self,
        ids: Sequence[str],
        names: Sequence[str],
        *,
        by_email: bool = False,
        archived: bool = False,
    ) -> list[Any]:
        """Those of the contacts that are there, by id or by e-mail, in no order."""
        return self.objects("contacts", ids, names, by_email=by_email, archived=archived)

    def objects(
        self,
        kind: str,
        ids: Sequence[str],
        names: Sequence[str],
        *,
        by_email: bool = False,
        archived: bool = False,
    ) -> list[Any]:
        """Those of the objects of that type that are there. Raises Unavailable where HubSpot does
        not say of each whether it is."""
        route = f"{OBJECTS}/{kind}/batch/read"
        calls: list[dict[str, Any]] = []
        for some in parts(ids):
            body: dict[str, Any] = {
                "inputs": [{"id": one} for one in some],
                "properties": list(names),
                "propertiesWithHistory": [],
            }
            if by_email:
                body["idProperty"] = "email"
            calls.append(
                {
                    "method": "POST",
                    "route": route,
                    "query": {"archived": "true" if archived else "false"},
                    "json": body,
                }
            )
        answers = self.asks(calls)
        return [row for answer in answers for row in self.settled(answer, "POST", route)]

    def settled(self, answer: Any, method: str, route: str) -> list[Any]:
        """The rows of a batch that read. Raises Unavailable where an input failed for another
        reason than that there is nothing."""
        errors = (answer.get("errors") or ()) if isinstance(answer, dict) else ()
        for error in errors:
            if not isinstance(error, Mapping) or error.get("category") != "OBJECT_NOT_FOUND":
                where = f"{self._system}: {method} {route}"
                raise Unavailable(f"{where}: could not be read in part ({reason(error)})")
        return rows_of(answer)

    def ask(self, call: Mapping[str, Any]) -> Any:
        """The body that a call answers which may be repeated. Raises as `asks`."""
        return self._ask(call)

    def ask_or_none(self, call: Mapping[str, Any]) -> Any:
        """As `ask`, None for a 404."""
        return self._or_none(call, self._http.call(**{"idempotent": True, **call}))

    def by_id(
        self, ids: Sequence[str], names: Sequence[str] = ("email",)
    ) -> list[dict[str, Any] | None]:
        """For each id the contact that is there, live or archived; None for a plain 404 to both."""
        calls = [
            {
                "method": "GET",
                "route": f"{CONTACTS}/{{id}}",
                "path": {"id": one},
                "query": {"archived": archived, "properties": ",".join(names)},
            }
            for one in ids
            for archived in ("false", "true")
        ]
        rows = [
            self._or_none(call, one) for call, one in zip(calls, self.replies(calls), strict=True)
        ]
        for row in rows:
            if row is not None and not isinstance(row.get("id"), str):
                raise BadAnswer(f"{self._system}: GET {CONTACTS}/{{id}}: no record")
        return [live or archived for live, archived in zip(rows[::2], rows[1::2], strict=True)]

    def replies(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Reply | Exception]:
        """The replies to calls made side by side, in order, not judged."""
        return self._http.many(calls) if calls else ()

    def status_calls(
        self, emails: Sequence[str], *, every_unit: bool = False
    ) -> list[dict[str, Any]]:
        """The calls that tell the subscription statuses and opt-outs of those addresses;
        `every_unit`: of the subscription types of all business units."""
        tails = ("/statuses/batch/read", "/statuses/batch/unsubscribe-all/read")
        return [
            {
                "method": "POST",
                "route": PREFERENCES + tail,
                "query": {"channel": "EMAIL"} if every_unit and tail == tails[0] else self._unit,
                "json": {"inputs": list(some)},
            }
            for some in parts(emails)
            for tail in tails
        ]

    def asks(self, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The bodies that reading calls answer, made side by side. Raises as `Http.call`, and
        MissingScope, Misconfigured or BadAnswer where HubSpot refuses one."""
        if len(calls) == 1:
            return [self._ask(calls[0])]
        replies = self._http.many([{"idempotent": True, **call} for call in calls])
        return [self._understood(call, reply) for call, reply in zip(calls, replies, strict=True)]

    def refuses(self, route: str, *, method: str = "POST", json: Any = None) -> str | None:
        """The scope that the token lacks for a call, found by sending an empty batch, or `json`,
        where that does nothing."""
        if json is None and method == "POST":
            json = {"inputs": []}
        reply = self._http.call(method, route, json=json, idempotent=True)
        try:
            self.check_allowed(reply, route)
        except MissingScope as error:
            return error.scope or "unknown"
        return None

    # writing

    def create_group(self, name: str) -> None:
        """Make a property group."""
        self._make(f"{PROPERTIES}/groups", {"name": name, "label": "Hub"})

    def create_property(self, body: Mapping[str, Any]) -> None:
        """Make a contact property."""
        self._make(PROPERTIES, body)

    def call(self, method: str, route: str, *, json: Any) -> Reply:
        """A call that writes, not repeated. Raises MissingScope or Misconfigured for a 403."""
        reply = self._http.call(method, route, json=json, idempotent=False)
        self.check_allowed(reply, route)
        return reply

    def send(self, route: str, inputs: Sequence[Any], *, by_unit: bool = False) -> Reply:
        """A batch that writes. Never repeated here: what is uncertain is to be read back."""
        return self._http.call(
            "POST",
            route,
            query=self._unit if by_unit else None,
            json={"inputs": list(inputs)},
            idempotent=False,
        )

    # judging

    def check_allowed(self, reply: Reply, route: str) -> None:
        """Raises MissingScope or Misconfigured where the reply is a 403."""
        if reply.status != 403:
            return
        error = self.error_of(reply)
        scopes = named(error, "requiredGranularScopes") or named(error, "missingScopes")
        if scopes or (isinstance(error, Mapping) and error.get("category") == "MISSING_SCOPES"):
            scope = " or ".join(scopes)
            raise MissingScope(
                f"{self._system}: the token lacks the scope {scope or 'for ' + route}",
                scope=scope,
                mend=f"give the service key of {self._system} that scope in HubSpot's settings",
            )
        raise Misconfigured(
            f"{self._system}: HubSpot forbids {route} ({reason(error)})",
            mend=f"does the HubSpot plan of {self._system} include this API?",
        )

    @staticmethod
    def error_of(reply: Reply) -> Any:
        """The error's body, None where it cannot be read."""
        try:
            return reply.json()
        except BadAnswer:
            return None

    def _make(self, route: str, body: Mapping[str, Any]) -> None:
        reply = self.call("POST", route, json=dict(body))
        # 409: another process made it in the meantime
        if reply.status >= 300 and reply.status != 409:
            raise Misconfigured(
                f"{self._system}: HubSpot refuses POST {route} ({reason(self.error_of(reply))})",
                mend="make it by hand in HubSpot, or correct its name in the mapping",
            )

    def _ask(self, call: Mapping[str, Any]) -> Any:
        return self._understood(call, self._http.call(**{"idempotent": True, **call}))

    def _understood(self, call: Mapping[str, Any], reply: Reply | Exception) -> Any:
        try:
            return self._body(call, reply)
        except BadAnswer:
            again = self._http.call(**{"idempotent": True, **call})
        return self._body(call, again)

    def _or_none(self, call: Mapping[str, Any], reply: Reply | Exception) -> Any:
        """As `_understood`, None for a 404."""
        if not isinstance(reply, Exception) and reply.status == 404:
            if deleted(self.error_of(reply)):
                return None
            raise BadAnswer(f"{self._system}: {call['method']} {call['route']}: a 404 of whom?")
        found = self._understood(call, reply)
        if not isinstance(found, dict):
            raise BadAnswer(f"{self._system}: {call['method']} {call['route']}: no object")
        return found

    def _body(self, call: Mapping[str, Any], reply: Reply | Exception) -> Any:
        if isinstance(reply, Exception):
            raise reply
        where = f"{call['method']} {call['route']}"
        self.check_allowed(reply, call["route"])
        if reply.status == 423:
            raise Unavailable(f"{self._system}: {where}: the record is locked for a moment")
        if reply.status >= 300:
            code = reason(self.error_of(reply))
            raise BadAnswer(f"{self._system}: {where}: answered {reply.status} ({code})")
        return reply.json()
