"""Membership of joint projects, as records show it: registered, on its list, under its tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hub.domain.landscape import MemberRule, Project
from hub.store import people
from hub.store.subjects import Subject
from hub.sync.observe import Seen
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.sync.page import Page

_Change = tuple[Subject, str, str]  # person, project, reason
_CROSSED = "crossed:"


def crossed(controller: str) -> str:
    """The reason of a membership that came from that controller's view of the human."""
    return f"{_CROSSED}{controller}"


def own(reasons: Iterable[str]) -> bool:
    """Whether any of the reasons is the controller's own. A membership that only crossed makes
    nobody else a member: two views of one human would keep each other in the project for ever."""
    return any(not one.startswith(_CROSSED) for one in reasons)


def apply(page: Page, seen: Seen, subject: Subject) -> None:
    """Begin or end memberships by what the record shows now: that it is there at all, or its
    fields. The subject's links are up to the record."""
    if seen.stale:
        return
    ruled: dict[tuple[str, str], bool] = {}
    for project, rule in _rules(page, subject):
        key = (project.id, _how(page, rule))
        if not rule.field:
            ruled[key] = _lives(page, subject)
        elif not seen.live:
            ruled[key] = False
        elif rule.field in seen.values:
            value = seen.values[rule.field]
            shown = rule.value in value if isinstance(value, tuple) else rule.value == value
            ruled[key] = ruled.get(key, False) or shown
        else:
            ruled[key] = key[1] in subject.memberships.get(project.id, ())  # nothing is said
    for (project_id, how), shown in ruled.items():
        if not shown:
            _end_if_held(page, subject, project_id, how)
        elif page.open:
            begin(page, subject, project_id, how)
    for project_id, how in _of_place(page, subject):
        if (project_id, how) not in ruled:  # the rule that made a member is there no more
            end(page, subject, project_id, how)


def without_record(page: Page, subject: Subject) -> None:
    """End memberships of a person whose record in the place is gone: by what it showed; and by
    registration, if it was the last one there."""
    for project_id, how in _of_place(page, subject):
        if how != _place(page) or not _lives(page, subject):
            end(page, subject, project_id, how)


def any_rule(page: Page) -> bool:
    """Whether records of the system make their persons members of something."""
    projects = page.deployment.landscape.projects.values()
    return any(
        rule.system == page.opened.system.id for project in projects for rule in project.members
    )


def _rules(page: Page, subject: Subject) -> Iterator[tuple[Project, MemberRule]]:
    for project in page.deployment.landscape.projects.values():
        if subject.controller in project.controllers:
            for rule in project.members:
                if rule.system == page.opened.system.id:
                    yield project, rule


def _how(page: Page, rule: MemberRule) -> str:
    return f"{_place(page)}:{rule.field}" if rule.field else _place(page)


def _of_place(page: Page, subject: Subject) -> list[tuple[str, str]]:
    """(project, reason) of the memberships that records of the place brought."""
    place = _place(page)
    return [
        (project, how)
        for project, reasons in subject.memberships.items()
        for how in reasons
        if how == place or how.startswith(f"{place}:")
    ]


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
    _note(page.joins, page.leaves, (subject, project, how))
    page.result.counts["joined"] += 1


def end(page: Page, subject: Subject, project: str, how: str) -> None:
    """End one reason of a membership; the person stays a member while another stands."""
    reasons = subject.memberships[project]
    reasons.discard(how)
    if not own(reasons):
        page.left.append((subject, project))
    if not reasons:
        del subject.memberships[project]
    subject.changed = True
    _note(page.leaves, page.joins, (subject, project, how))
    page.result.counts["left"] += 1


def _note(these: list[_Change], others: list[_Change], change: _Change) -> None:
    """Note what is to be written; what one page both began and ended is as it was."""
    if change in others:
        others.remove(change)
    else:
        these.append(change)


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
