"""Records of a joint system whose project is not live: only their refusals count.

Nothing new comes from them, neither person, link, value, consent nor membership
(docs/decisions/0014). What is linked stays linked, so that it can be accounted for and refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.api import RecordState, Stance
from hub.domain.permission import PermissionEvent
from hub.store import people
from hub.store.subjects import Linked, Subject
from hub.sync import consents, cross, members
from hub.sync.identify import identify
from hub.sync.observe import Seen
from hub.sync.page import Page


def hear(page: Page, seen: Seen) -> None:
    """Take a record's refusals, and nothing else."""
    page.result.counts["ended"] += 1
    if seen.known is not None:
        subject = page.people.get(seen.known.person_id)
        if subject is not None:
            linked = next(one for one in subject.links if one.id == seen.known.id)
            _linked(page, seen, subject, linked)
        return
    stated = consents.refusals(page.stream, page.opened.system, seen, seen.controller, page.now)
    if stated:
        _unlinked(page, seen, stated)


def _linked(page: Page, seen: Seen, subject: Subject, linked: Linked) -> None:
    said = tuple(one for one in seen.record.consents if one.stance is Stance.NO)
    shadow = linked.shadow
    if any(shadow.consents.get(one.topic) != seen.consents[one.topic] for one in said):
        refusing = replace(seen, record=replace(seen.record, consents=said))
        heard = consents.listen(
            page.deployment.landscape,
            page.opened.system,
            page.stream,
            seen.controller,
            linked.touch(),
            refusing,
            page.now,
        )
        page.touch(linked, subject)
        for event, consent in heard.events:
            page.record_event(subject, event, consent.evidence)
        for controller, event in heard.joint:
            cross.refuse(page, controller, subject.email or seen.email, event)
    state = seen.record.state
    if not seen.stale and state is not RecordState.LIVE and linked.state == "live":
        linked.state = linked.touch().state = state.value
        page.touch(linked, subject)
        members.apply(page, seen, subject)


def _unlinked(page: Page, seen: Seen, stated: Sequence[PermissionEvent]) -> None:
    """They count for everybody it may be, and for whoever will turn out to have the address."""
    match = identify(page.owners, page.people, page.place, seen)
    if match.kind == "blocked":
        return
    for event in stated:
        for person in match.persons:
            subject = page.people.get(person)
            if subject is not None and not consents.repeats(subject, event):
                page.record_event(subject, event)
        if not match.persons and seen.email and not _kept(page, seen, event):
            cross.keep_refusal(page, seen.controller, seen.email, event)


def _kept(page: Page, seen: Seen, event: PermissionEvent) -> bool:
    """Whether it waits already: a record that brings nothing is met again and again, and a refusal
    without a time counts from when it was first seen."""
    kept = people.refusals(page.connection, seen.controller, [seen.email_digest])
    return any(
        (one.purpose, one.system, one.at) == (event.purpose, event.system, event.at) for one in kept
    )
