"""Membership of joint projects, as records show it: on its list, under its tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store import people
from hub.store.subjects import Subject
from hub.sync.observe import Seen
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.sync.page import Page


def apply(page: Page, seen: Seen, subject: Subject) -> None:
    """Begin or end memberships by what the record's fields show now."""
    system = page.opened.system.id
    # one audience's tag says nothing of the other's
    place = f"{system}/{page.scope}" if page.scope else system
    for project in page.deployment.landscape.projects.values():
        if subject.controller not in project.controllers:
            continue
        for rule in project.members:
            if rule.system != system or rule.field not in seen.values or seen.stale:
                continue
            value = seen.values[rule.field]
            shown = seen.live and (
                rule.value in value if isinstance(value, tuple) else rule.value == value
            )
            how = f"{place}:{rule.field}"
            if shown:
                begin(page, subject, project.id, how)
            elif how in subject.memberships.get(project.id, ()):
                end(page, subject, project.id, how)


def begin(page: Page, subject: Subject, project: str, how: str) -> None:
    """Make a person a member, for a recorded reason."""
    reasons = subject.memberships.setdefault(project, set())
    if how in reasons:
        return
    reasons.add(how)
    subject.changed = True
    page.joins.append((subject, project, how))
    page.result.counts["joined"] += 1


def end(page: Page, subject: Subject, project: str, how: str) -> None:
    """End one reason of a membership; the person stays a member while another stands."""
    reasons = subject.memberships[project]
    reasons.discard(how)
    if not reasons:
        del subject.memberships[project]
        page.left.append((subject, project))
    subject.changed = True
    page.leaves.append((subject, project, how))
    page.result.counts["left"] += 1


def save(page: Page) -> None:
    """Write what began and ended; the persons' rows are there."""
    numbers = ids(page.connection, people.membership, len(page.joins))
    people.join(
        page.connection,
        [
            {
                "id": number,
                "person_id": subject.id,
                "project": project,
                "how": how,
                "since": page.now,
                "until": None,
            }
            for number, (subject, project, how) in zip(numbers, page.joins, strict=True)
        ],
    )
    for subject, project, how in page.leaves:
        people.leave(page.connection, subject.id, project, how, page.now)
