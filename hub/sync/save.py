"""The end of a landing: cross to the other controller, plan, and write what the page changed."""

from __future__ import annotations

import orjson

from hub.delivery.fanout import Witness, fan_out
from hub.delivery.lapse import lapse
from hub.store import activities, ledger, people, subjects
from hub.sync import cross, members, waiting
from hub.sync.page import Page
from hub.vault import aad
from hub.vault.rows import ids


def save(page: Page, witness: Witness | None) -> None:
    """Cross to the other controller, plan, and write everything the page changed."""
    connection, deployment = page.connection, page.deployment
    cross.to_partners(page)
    cross.apply_waiting_refusals(page)
    distinct = {one.id: one for one in page.people.values()}
    for controller in {one.controller for one in distinct.values() if one.new}:
        fresh = [one for one in distinct.values() if one.new and one.controller == controller]
        subjects.mark_standing(connection, deployment.identities, fresh, controller)
    waiting.take_up(page)
    changed = [one for one in distinct.values() if one.changed]
    if gone := lapse(connection, deployment, changed):
        page.result.counts["activity-lapsed"] += gone
    subjects.save(connection, distinct.values(), page.now)
    numbers = ids(connection, people.identifier, len(page.identifiers))
    people.add_identifiers(
        connection,
        [{"id": n, **row} for n, row in zip(numbers, page.identifiers, strict=True)],
    )
    members.save(page)
    subjects.save_links(
        connection,
        deployment.identities,
        [(linked, subject.key) for linked, subject in page.touched.values()],
        page.fingerprints,
    )
    rows = []
    for number, (subject, event, evidence) in zip(
        ids(connection, ledger.event, len(page.events)), page.events, strict=True
    ):
        sealed = (
            subject.key.seal(
                orjson.dumps(dict(evidence)), aad("permission_event", number, "evidence")
            )
            if evidence
            else None
        )
        key_id = subject.key_id if sealed else None
        rows.append(ledger.row(number, subject.id, event, sealed, key_id))
    ledger.append(connection, rows)
    _save_activities(page)
    page.result.fanned = fan_out(connection, deployment, page.replan.values(), page.now, witness)


def _save_activities(page: Page) -> None:
    numbers = ids(page.connection, activities.activity, len(page.activities))
    activities.add(
        page.connection,
        [
            activities.row(
                number, subject.id, page.place, one, digest, (subject.key_id, subject.key)
            )
            for number, (subject, one, digest) in zip(numbers, page.activities, strict=True)
        ],
    )
