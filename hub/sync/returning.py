"""Somebody who was erased and is here again: held off, unless by an act of their own.

A lagging system, an import or an edit brings nobody back. An act of the person after the erasure
(a registration, a form) asks a handler, who may admit them as somebody new: with a new key, and
nothing of before (DESIGN section 4, I3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hub.delivery.deployment import Deployment
from hub.store import people
from hub.store.questions import RETURNED
from hub.store.returns import by_own_act
from hub.sync.observe import Seen
from hub.vault.database import Connection
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.sync.page import Page


def hold_off(page: Page, seen: Seen) -> None:
    """Keep nothing of a blocked record; ask once where the person came back by themselves."""
    erased_at = _erased_at(page, seen)
    if erased_at is None:
        return
    tolerance = page.deployment.landscape.clock_tolerance
    if by_own_act(seen.record, erased_at, page.now, tolerance):
        page.ask(
            RETURNED,
            seen.record.ref.id,
            "somebody who was erased is here again by an act of their own",
        )


def resembles(page: Page, seen: Seen) -> bool:
    """Whether a record that nobody is linked to yet is an erased person's, by its address or id."""
    return seen.known is None and (
        (seen.controller, seen.email) in page.owners.blocked
        or (seen.controller, seen.record.ref.id) in page.owners.erased
    )


def draw_in(page: Page, seen: Seen, aliases: Sequence[str]) -> None:
    """The vendor says that other records are one with an erased person's: they are held off from
    now, or what is written to them would arrive there."""
    for alias in aliases:
        _block(page, seen.controller, "/".join(page.place), alias)


def hold_off_too(page: Page, controller: str, address: str) -> None:
    """Another company, whose own person somebody is whom `controller` erased, tells of a new
    address: it is held off as the former one is."""
    _block(page, controller, "email", address)


def _block(page: Page, controller: str, kind: str, what: str) -> None:
    (number,) = ids(page.connection, people.block, 1)
    people.add_block(
        page.connection,
        {
            "id": number,
            "controller": controller,
            "kind": kind,
            "digest": page.deployment.identities.block(controller, kind, what),
            "at": page.now,
        },
    )


def admit(
    connection: Connection,
    deployment: Deployment,
    controllers: Sequence[str],
    place: tuple[str, str, str],
    external_id: str,
    email: str | None,
) -> None:
    """Lift the blocks that a returned person's own record meets: its address and its id. Those of
    the erased records stay: what still lies there comes back no more."""
    kind = "/".join(place)
    identities = deployment.identities
    for controller in controllers:
        people.lift_blocks(
            connection, controller, kind, identities.blocks(controller, kind, external_id)
        )
        if email:
            people.lift_blocks(
                connection, controller, "email", identities.blocks(controller, "email", email)
            )


def _erased_at(page: Page, seen: Seen) -> datetime | None:
    kind = "/".join(page.place)
    identities = page.deployment.identities
    digests = identities.blocks(seen.controller, kind, seen.record.ref.id)
    found = people.blocked_at(page.connection, seen.controller, kind, digests)
    if seen.email:
        digests = identities.blocks(seen.controller, "email", seen.email)
        at = people.blocked_at(page.connection, seen.controller, "email", digests)
        found = max((one for one in (found, at) if one is not None), default=None)
    return found
