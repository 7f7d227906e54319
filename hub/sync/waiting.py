"""Activities that came before their record has a person: sealed in quarantine until it has one.

A record may be unclear, in quarantine itself, or not read yet. The cursor goes on meanwhile, so
what was told is kept: one row for each record, with all of its activities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from hub.api import Activity, ActivityKind, Ref
from hub.store import links, normalise, people, questions
from hub.store.subjects import Subject
from hub.sync.aside import Place, keep, look
from hub.sync.collect import Collector
from hub.sync.page import Page

SUFFIX = ":activities"
"""After a stream's name: where the cursor and the quarantine of its activities are kept."""
REASON = "activities of a record that has no person yet"


def place_of(page: Page) -> Place:
    """Where a page's activities are kept."""
    system, stream, scope = page.place
    return system, stream + SUFFIX, scope


def hold(page: Page, record: str, told: Sequence[Activity]) -> None:
    """Keep activities of a record; those that are kept already are no news."""
    place = place_of(page)
    before = look(page, record, place)
    kept: dict[str, Any] = {one["id"]: one for one in orjson.loads(before.raw)} if before else {}
    fresh = [one for one in told if one.id not in kept]
    page.result.counts["activity-still-waiting"] += len(told) - len(fresh)
    if fresh:
        kept.update({one.id: _dump(one) for one in fresh})
        keep(page, record, REASON, orjson.dumps(list(kept.values())), place)
        page.result.counts["activity-waiting"] += len(fresh)


def take_up(page: Page) -> None:
    """Land what waited for the records that this page gave a person."""
    if not page.fresh or not page.stream.activities:
        return
    place = place_of(page)
    waiting = questions.unread(page.connection, *place)
    owners: dict[str, list[Subject]] = {}
    for record, subject in page.fresh:
        if record in waiting:
            owners.setdefault(record, []).append(subject)
    collector = Collector(page)
    for record, subjects in owners.items():
        row = look(page, record, place)
        if row is not None:
            for told in orjson.loads(row.raw):
                _collect(page, collector, subjects, _load(page, record, told))
    if owners:
        questions.release(page.connection, *place, _settled(page, owners))


def erased(page: Page, controller: str, refs: Iterable[Ref]) -> set[str]:
    """Ids of those records for which an erasure block of the controller stands."""
    if not people.any_blocks(page.connection):
        return set()
    identities = page.deployment.identities
    marks: dict[str, dict[bytes, str]] = {}
    for ref in refs:
        known = [("/".join(page.place), ref.id)]
        address = _address(ref)
        if address:
            known.append(("email", address))
        for kind, value in known:
            for digest in identities.blocks(controller, kind, value):
                marks.setdefault(kind, {})[digest] = ref.id
    return {
        digests[digest]
        for kind, digests in marks.items()
        for digest in people.blocked(page.connection, controller, kind, list(digests))
    }


def _collect(page: Page, collector: Collector, subjects: Sequence[Subject], one: Activity) -> None:
    if collector.rule(one) is None:
        page.result.counts["activity-unasked"] += 1
        return
    for subject in subjects:
        collector.collect(subject, one)  # the record was linked just now: none of it has landed


def _settled(page: Page, owners: dict[str, list[Subject]]) -> list[str]:
    """The records that every controller of the system has a person for, or must not have."""
    known = links.known(page.connection, *page.place, list(owners))
    settled = []
    for record, subjects in owners.items():
        have = {one.controller for one in subjects}
        have |= {one.controller for one in known.get(record, ())}
        lacking = set(page.opened.system.controllers) - have
        ref = Ref(page.stream.name, page.scope, record)
        if all(erased(page, controller, [ref]) for controller in lacking):
            settled.append(record)
    return settled


def _address(ref: Ref) -> str | None:
    try:
        return normalise.email(ref.email) if ref.email else None
    except normalise.Malformed:
        return None


def _dump(one: Activity) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "at": one.at.isoformat(),
        "about": one.about,
        "detail": dict(one.detail),
    }


def _load(page: Page, record: str, told: dict[str, Any]) -> Activity:
    return Activity(
        Ref(page.stream.name, page.scope, record),
        told["id"],
        ActivityKind(told["kind"]),
        datetime.fromisoformat(told["at"]),
        told["about"],
        told["detail"],
    )
