"""What the sandbox's routes share: the account, HubSpot's error bodies, both path families."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from hub.testing.sandbox import Answer, Call, Endpoint, Refusal, Sandbox, route
from plugins.hubspot.sandbox_account import Account, Contact

BATCH = 100
"""Most inputs of one batch call."""


def contacts(method: str, tail: str = "") -> Callable[[Endpoint], Endpoint]:
    """An endpoint of the contacts API, under the dated path and under v3."""

    def mark(endpoint: Endpoint) -> Endpoint:
        return route(method, f"/crm/objects/2026-09/contacts{tail}")(
            route(method, f"/crm/v3/objects/contacts{tail}")(endpoint)
        )

    return mark


def properties(method: str, tail: str = "") -> Callable[[Endpoint], Endpoint]:
    """An endpoint of the properties API of contacts, under the dated path and under v3."""

    def mark(endpoint: Endpoint) -> Endpoint:
        return route(method, f"/crm/properties/2026-09/contacts{tail}")(
            route(method, f"/crm/v3/properties/contacts{tail}")(endpoint)
        )

    return mark


def preferences(method: str, tail: str) -> Callable[[Endpoint], Endpoint]:
    """An endpoint of the communication preferences API, under the dated path and under v4."""

    def mark(endpoint: Endpoint) -> Endpoint:
        return route(method, f"/communication-preferences/2026-09{tail}")(
            route(method, f"/communication-preferences/v4{tail}")(endpoint)
        )

    return mark


def legacy_preferences(method: str, tail: str) -> Callable[[Endpoint], Endpoint]:
    """An endpoint that the dated path still has as v3 had it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        return route(method, f"/communication-preferences/2026-09{tail}")(
            route(method, f"/communication-preferences/v3{tail}")(endpoint)
        )

    return mark


def archived(call: Call) -> bool:
    """Whether a call asks for archived records."""
    # the vendor's Python client sends "True"
    return call.query.get("archived", "").lower() == "true"


class HubSpotBase(Sandbox):
    """The account behind the routes, and how HubSpot words things. Settings are attributes:

    `window` results at which a search ends · `lag` seconds that searches are behind by default ·
    `multi_status` whether a batch with trace ids answers 207 for single bad inputs instead of
    refusing the whole batch · `merge_makes_new` whether a merge gives the survivor a new id ·
    `purge_after` seconds until an erasure has reached every store · `purge_archived` whether an
    erasure finds archived contacts · `associations_page` associations of one record per page.
    """

    account: Account

    def forget_contact(self, contact: Contact) -> None:
        """What else a permanent deletion takes away."""

    window = 10_000
    lag = 0.0
    multi_status = False
    merge_makes_new = False
    purge_after = 30 * 86_400
    purge_archived = True
    associations_page = 500

    tokens: dict[str, frozenset[str]]
    """The account's tokens and their scopes."""

    def ms(self) -> int:
        """The account's clock, milliseconds since 1970."""
        return round(self.now().timestamp() * 1000)

    def error(
        self,
        status: int,
        category: str,
        message: str,
        *,
        code: str = "",
        context: dict[str, list[str]] | None = None,
        sub_category: str = "",
    ) -> Answer:
        """HubSpot's error body."""
        body: dict[str, Any] = {
            "status": "error",
            "message": message,
            "correlationId": str(UUID(int=self.random.getrandbits(128), version=4)),
            "category": category,
        }
        if sub_category:
            body["subCategory"] = sub_category
        if code:
            detail: dict[str, Any] = {"message": message, "code": code}
            if context:
                detail["context"] = context
            body["errors"] = [detail]
        if context:
            body["context"] = context
        return Answer(status, body)

    def refuse(self, status: int, category: str, message: str, **more: Any) -> Refusal:
        """An error to raise."""
        return Refusal(self.error(status, category, message, **more))

    def not_found(self, call: Call) -> Answer:
        return self.error(404, "OBJECT_NOT_FOUND", "resource not found")

    def server_error(self, call: Call) -> Answer:
        return self.error(500, "INTERNAL_ERROR", "internal error")

    def body(self, call: Call) -> dict[str, Any]:
        """The request's JSON object."""
        given = call.json()
        if not isinstance(given, dict):
            raise self.refuse(400, "VALIDATION_ERROR", "Invalid input JSON: an object is expected")
        return given

    def inputs(self, call: Call, kind: type[Any] = dict) -> list[Any]:
        """The inputs of a batch: a list, of that kind, no longer than a batch may be."""
        given = self.body(call).get("inputs")
        if not isinstance(given, list) or not all(isinstance(one, kind) for one in given):
            raise self.refuse(400, "VALIDATION_ERROR", "Invalid input JSON: inputs is required")
        if len(given) > BATCH:
            raise self.refuse(
                400, "VALIDATION_ERROR", f"inputs may hold at most {BATCH}, got {len(given)}"
            )
        return given

    def batch_answer(
        self, results: list[Any], errors: Iterable[dict[str, Any]] = (), *, status: int = 200
    ) -> Answer:
        """The answer of a batch: 207 as soon as one input failed."""
        at = self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": at,
            "completedAt": at,
        }
        failed = list(errors)
        if failed:
            body |= {"numErrors": len(failed), "errors": failed}
            status = 207
        return Answer(status, body)

    @staticmethod
    def item_error(
        category: str, message: str, context: dict[str, list[str]], *, code: str = ""
    ) -> dict[str, Any]:
        """One entry in the errors of a batch's answer."""
        details = [{"message": message, "code": code}] if code else []
        return {
            "status": "error",
            "category": category,
            "message": message,
            "context": context,
            "errors": details,
            "links": {},
        }
