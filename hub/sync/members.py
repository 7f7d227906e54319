"""Membership of joint projects, as records show it: registered, on its list, under its tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.domain.landscape import MemberRule, Project
from hub.store import people
from hub.store.subjects import Subject
from hub.sync.observe import Seen
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.sync.page import Page


def apply(page: Page, seen: Seen, subject: Subject) -> None:
    """Begin or end memberships by what the record shows now: that it is there at all, or its
    fields. The subject's links are up to the record."""
    if seen.stale:
        return
    for project, rule in _rules(page, subject):
        if not rule.field:
            how, shown = _place(page), _lives(page, subject)
        elif rule.field in seen.values:
            value = seen.values[rule.field]
            how = f"{_place(page)}:{rule.field}"
            shown = seen.live and (
                rule.value in value if isinstance(value, tuple) else rule.value == value
            )
        else:
            continue
        if not shown:
            _end_if_held(page, subject, project.id, how)
        elif page.open:
            begin(page, subject, project.id, how)


def without_record(page: Page, subject: Subject) -> None:
    """End memberships by registration of a person whose last record in the place is gone."""
    for project, rule in _rules(page, subject):
        if not rule.field and not _lives(page, subject):
            _end_if_held(page, subject, project.id, _place(page))


def by_registration(page: Page) -> bool:
    """Whether any record of the system makes its person a member of something."""
    projects = page.deployment.landscape.projects.values()
    return any(
        rule.system == page.opened.system.id and not rule.field
        for project in projects
        for rule in project.members
    )


def _rules(page: Page, subject: Subject) -> Iterator[tuple[Project, MemberRule]]:
    for project in page.deployment.landscape.projects.values():
        if subject.controller in project.controllers:
            for rule in project.members:
                if rule.system == page.opened.system.id:
                    yield project, rule


def _place(page: Page) -> str:
    """One audience's tag, or one webinar's registration, says nothing of the other's."""
    system = page.opened.system.id
    return f"{system}/{page.scope}" if page.scope else system


def _lives(page: Page, subject: Subject) -> bool:
    """Whether the person has a live record there; it may have two, of which one was cancelled."""
    return any(
        one.state == "live" and (one.system, one.scope) == (page.opened.system.id, page.scope)
        for one in subject.links
    )


def _end_if_held(page: Page, subject: Subject, project: str, how: str) -> None:
    if how in subject.memberships.get(project, ()):
        end(page, subject, project, how)


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
