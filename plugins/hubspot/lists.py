"""One manual contact list, found by its name and made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from hub.api import BadAnswer, Misconfigured
from plugins.hubspot.answers import reason
from plugins.hubspot.client import LISTS, Api

BY_NAME = f"{LISTS}/object-type-id/{{object}}/name/{{name}}"
MEMBERSHIPS = f"{LISTS}/records/{{object}}/{{record}}/memberships"
CONTACT = "0-1"
"""HubSpot's number for the type of contacts."""


class ManualList:
    """The list of that name. Methods raise as `Api.ask`, and Misconfigured where a list of another
    kind has the name."""

    def __init__(self, api: Api, system: str, name: str) -> None:
        self._api = api
        self._system = system
        self._name = name
        self._lock = threading.Lock()
        self._id: str | None = None

    def find(self) -> str | None:
        """The list's id, None where there is no such list."""
        if self._id is None:
            found = self._api.ask_or_none(
                {
                    "method": "GET",
                    "route": BY_NAME,
                    "path": {"object": CONTACT, "name": self._name},
                }
            )
            if found is not None:
                self._id = self._manual(found)
        return self._id

    def make(self) -> str:
        """The list's id; the list is made where there is none."""
        with self._lock:
            id_ = self.find()
            if id_ is not None:
                return id_
            body = {"name": self._name, "objectTypeId": CONTACT, "processingType": "MANUAL"}
            reply = self._api.call("POST", LISTS, json=body)
            # refused: somebody made it in the meantime, and then it is there now
            if reply.status >= 300 and (id_ := self.find()) is not None:
                return id_
            if reply.status >= 300:
                raise Misconfigured(
                    f"{self._system}: HubSpot refuses POST {LISTS}"
                    f" ({reason(self._api.error_of(reply))})",
                    mend=f"make a static contact list named {self._name!r} in HubSpot by hand",
                )
            self._id = self._manual(reply.json())
            return self._id

    def add(self, list_id: str, ids: Sequence[str]) -> set[str]:
        """Put contacts on that list; those already there stay. Answers which do not exist."""
        return self._change(list_id, "add", ids)

    def remove(self, list_id: str, ids: Sequence[str]) -> set[str]:
        """Take contacts off that list. Answers which do not exist."""
        return self._change(list_id, "remove", ids)

    def members(self, ids: Iterable[str]) -> set[str]:
        """Which of those contacts are on the list now."""
        wanted, list_id = list(ids), self.find()
        if list_id is None or not wanted:
            return set()
        calls = [
            {"method": "GET", "route": MEMBERSHIPS, "path": {"object": CONTACT, "record": one}}
            for one in wanted
        ]
        return {
            id_
            for id_, answer in zip(wanted, self._api.asks(calls), strict=True)
            if any(str(one.get("listId")) == list_id for one in answer.get("results") or ())
        }

    def _change(self, list_id: str, act: str, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        answer = self._api.ask(
            {
                "method": "PUT",
                "route": f"{LISTS}/{{list}}/memberships/{act}",
                "path": {"list": list_id},
                "json": list(ids),
            }
        )
        return {str(one) for one in answer.get("recordIdsMissing") or ()}

    def _manual(self, answer: Any) -> str:
        found = answer.get("list") if isinstance(answer, dict) else None
        if not isinstance(found, dict) or not str(found.get("listId") or "").isdigit():
            raise BadAnswer(f"{self._system}: HubSpot answered no list")
        if found.get("processingType") == "DYNAMIC":
            raise Misconfigured(
                f"{self._system}: HubSpot's list {self._name!r} is an active one",
                mend="rename it, or set another `restricted_list`: the hub needs a static list",
            )
        return str(found["listId"])
