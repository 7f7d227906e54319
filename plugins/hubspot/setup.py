"""What must be right in a HubSpot account before contacts are synced: checked, and prepared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hub.api import (
    WHOLE_SCOPE,
    AuthFailed,
    BadAnswer,
    ConnectorError,
    Context,
    Misconfigured,
    MissingScope,
    Problem,
    Unavailable,
    UnknownField,
)
from plugins.hubspot.client import CONTACTS, LISTS, PREFERENCES, Api
from plugins.hubspot.mapping import STREAM

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def checkboxes(properties: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The properties whose text is options joined by ";"."""
    return frozenset(name for name, one in properties.items() if one.get("fieldType") == "checkbox")


def read_only(definition: Mapping[str, Any]) -> bool:
    """Whether HubSpot sets the property's value itself."""
    return bool((definition.get("modificationMetadata") or {}).get("readOnlyValue"))


class Setup:
    """`check` and `prepare` for one account."""

    def __init__(self, api: Api, context: Context, group: str) -> None:
        self._api = api
        self._system = context.system
        self._fields = tuple(dict.fromkeys(context.fields.get(STREAM, ())))
        written = context.written
        self._written = frozenset(self._fields if written is None else written.get(STREAM, ()))
        self._topics = tuple(dict.fromkeys(context.topics.get(STREAM, ())))
        self._group = group

    def check(self) -> list[Problem]:
        """See `Connector.check`. Batches without inputs tell whether a scope is there."""
        problems: list[Problem] = []
        steps: list[Callable[[], Iterator[Problem]]] = [
            self._account,
            self._check_fields,
            self._contacts,
        ]
        if self._topics:
            steps.append(self._check_topics)
        steps.append(self._check_rights)
        for step in steps:
            try:
                problems += step()
            except ConnectorError as error:
                problems.append(self._problem(error))
                if not isinstance(error, MissingScope):
                    break
        # one scope is asked of by several calls; the first says how much it matters
        return list({one.message: one for one in reversed(problems)}.values())[::-1]

    def prepare(self) -> list[str]:
        """Make the properties that the mapping writes and the account does not have.

        Raises UnknownField for a name that HubSpot does not take.
        """
        lacking = sorted(self._written - self._api.properties().keys())
        for name in lacking:
            if not _NAME.fullmatch(name):
                raise UnknownField(
                    f"{self._system}: HubSpot takes no property of the name {name!r}",
                    mend="use lower-case letters, digits and _, and begin with a letter",
                )
        if not lacking:
            return []
        made = self._make_group()
        for name in lacking:
            self._api.create_property(
                {
                    "name": name,
                    "label": name.replace("_", " ").capitalize(),
                    "type": "string",
                    "fieldType": "text",
                    "groupName": self._group,
                    "description": "Kept by the hub.",
                }
            )
            made.append(f"property {name}")
        return made

    def has(self, name: str) -> bool:
        """Whether the account has that contact property."""
        return name in self._api.properties()

    def make_property(self, definition: Mapping[str, Any]) -> None:
        """Make a property that a right needs, in the hub's group, where it is not there."""
        if not self.has(definition["name"]):
            self._make_group()
            self._api.create_property({**definition, "groupName": self._group})

    def _make_group(self) -> list[str]:
        if self._group in self._api.groups():
            return []
        self._api.create_group(self._group)
        return [f"property group {self._group}"]

    def _account(self) -> Iterator[Problem]:
        self._api.details()
        return iter(())

    def _check_fields(self) -> Iterator[Problem]:
        known = self._api.properties()
        for name in self._fields:
            if name not in known and name not in self._written:
                yield Problem(
                    "field",
                    f"{self._system}: HubSpot has no contact property {name!r}",
                    "correct its name in the mapping; it is HubSpot's internal name, not the label",
                )
            elif name not in known and not _NAME.fullmatch(name):
                yield Problem(
                    "field",
                    f"{self._system}: HubSpot has no contact property {name!r}, and none of that "
                    "name can be made",
                    "use lower-case letters, digits and _, and begin with a letter",
                )
            elif name in known and name in self._written and read_only(known[name]):
                yield Problem(
                    "field",
                    f"{self._system}: HubSpot sets the property {name!r} itself",
                    "map it with `direction: read`",
                )

    def _contacts(self) -> Iterator[Problem]:
        self._api.page("", ("email",), archived=False)
        if self._written and (scope := self._api.refuses(f"{CONTACTS}/batch/update")):
            yield self._lacking(scope)

    def _check_topics(self) -> Iterator[Problem]:
        known = self._api.definitions()
        for topic in self._topics:
            if topic not in known and topic != WHOLE_SCOPE:
                names = ", ".join(f"{id_} ({name})" for id_, name in sorted(known.items()))
                yield Problem(
                    "topic",
                    f"{self._system}: HubSpot has no subscription type {topic}",
                    f"use one of: {names or 'none is defined'}",
                )
        # statuses are only written where YAML says so; without the right to, that lane stops
        for tail, fatal in (("read", True), ("unsubscribe-all/read", True), ("write", False)):
            if scope := self._api.refuses(f"{PREFERENCES}/statuses/batch/{tail}"):
                yield self._lacking(scope, fatal=fatal)

    def _check_rights(self) -> Iterator[Problem]:
        """What a request of a data subject will need; no sync does, so nothing of it stops one."""
        probes: tuple[tuple[str, str, Any], ...] = (
            ("POST", f"{CONTACTS}/batch/update", None),
            ("POST", f"{PREFERENCES}/statuses/batch/read", None),
            ("PUT", f"{LISTS}/0/memberships/add", []),
            ("GET", f"{LISTS}/0", None),
        )
        for method, route, body in probes:
            if scope := self._api.refuses(route, method=method, json=body):
                yield self._lacking(scope, fatal=False)

    def _lacking(self, scope: str, *, fatal: bool = True) -> Problem:
        return Problem(
            "scope",
            f"{self._system}: the token lacks the scope {scope}",
            f"give the service key of {self._system} that scope in HubSpot's settings",
            fatal,
        )

    def _problem(self, error: ConnectorError) -> Problem:
        match error:
            case AuthFailed():
                mend = "make a new service key in HubSpot and put it where the token is kept"
                return Problem("auth", f"{self._system}: HubSpot refuses the token", mend)
            case MissingScope():
                return self._lacking(error.scope or "that this call needs")
            case Misconfigured():
                return Problem("plan", str(error), error.mend)
            case BadAnswer():
                return Problem("answer", str(error), "is base_url right?")
            case Unavailable():
                return Problem("unavailable", str(error), "try again later", fatal=False)
        return Problem("unavailable", str(error), "try again later", fatal=False)
