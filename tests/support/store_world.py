"""Makers of rows for the tests of `hub.store`. Everything is synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from hub.domain.profile import Value
from hub.store import deliveries, links, people, subjects
from hub.store.deliveries import Lane
from hub.store.documents import Shadow
from hub.store.identity import Identities
from hub.store.subjects import Linked, Subject
from hub.vault import KeyKind, Vault
from hub.vault.rows import ids

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
PLACE = ("crm", "contacts", "")


def value(text: str | tuple[str, ...] | None, **other: Any) -> Value:
    """A value that crowst's CRM said at `AT`."""
    return Value(text, "crm", AT, frozenset({"crowst"}), **other)


@dataclass
class Kit:
    """A migrated database, its vault, and makers of rows."""

    store: Engine
    vault: Vault
    identities: Identities

    def person(
        self,
        connection: Connection,
        profile: Mapping[str, Value] | None = None,
        *,
        controller: str = "crowst",
    ) -> Subject:
        """A saved person with a key of its own."""
        ((key_id, key),) = self.vault.new_keys(KeyKind.PERSON, 1)
        (number,) = ids(connection, people.person, 1)
        subject = Subject(
            id=number,
            controller=controller,
            key_id=key_id,
            key=key,
            profile=dict(profile or {}),
            new=True,
        )
        subjects.save(connection, [subject], AT)
        subject.new = False
        return subject

    def link(
        self,
        connection: Connection,
        subject: Subject,
        external_id: str,
        *,
        place: tuple[str, str, str] = PLACE,
        shadow: Shadow | None = None,
        state: str = "live",
    ) -> Linked:
        """A saved link of that person."""
        (number,) = ids(connection, links.link, 1)
        system, stream, scope = place
        linked = Linked(
            id=number,
            system=system,
            stream=stream,
            scope=scope,
            external_id=external_id,
            controller=subject.controller,
            person_id=subject.id,
            digest=b"",
            sealed=b"",
            version="1",
            state=state,
            opened=shadow or Shadow(),
        )
        subjects.save_links(connection, self.identities, [(linked, subject.key)])
        subject.links.append(linked)
        return linked

    def ready(
        self,
        connection: Connection,
        person_id: int,
        link_id: int | None = None,
        *,
        place: tuple[str, str, str] = PLACE,
        lane: Lane = Lane.RECORD,
        due_at: datetime = AT,
    ) -> int:
        """A ready delivery; answers its id."""
        (number,) = ids(connection, deliveries.delivery, 1)
        deliveries.add(
            connection, [deliveries.row(number, place, person_id, link_id, lane, due_at)]
        )
        return number

    def sent(
        self,
        connection: Connection,
        person_id: int,
        link_id: int | None = None,
        **other: Any,
    ) -> int:
        """A delivery on its way out; answers its id."""
        number = self.ready(connection, person_id, link_id, **other)
        claim(connection, number, link_id)
        return number


def claim(connection: Connection, id_: int, link_id: int | None, tries: int = 1) -> None:
    """Mark a delivery as sent."""
    deliveries.mark_sent(
        connection,
        [
            {
                "id": id_,
                "tries": tries,
                "fields": "email first_name",
                "purposes": "",
                "payload": b"sealed",
                "link_id": link_id,
                "person_version": 1,
                "sent_at": AT,
            }
        ],
    )
