"""The hub, broken on purpose: each way must be found by the rule that names it (README.md).

A break is a context in which one safeguard is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import structlog

from hub.delivery import claim, recover, settle
from hub.delivery import plan as planning
from hub.delivery import run as delivering
from hub.domain import gate, permission
from hub.domain.landscape import HELSINKI, Landscape, System
from hub.store import people, subjects
from hub.store.progress import advance, check
from hub.sync import activities, anew, collect, consents, land, page
from hub.sync import run as running

Break = Callable[[pytest.MonkeyPatch], None]


def the_gate_lets_everything_cross(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gate, "_project_refusal", lambda *_: None)


def an_ended_project_is_live(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gate.Project, "live", lambda self, at: self.starts <= _day(at))


def a_project_is_live_before_it_begins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gate.Project, "live", lambda self, at: not self.ends or _day(at) <= self.ends)


def _day(at: datetime) -> date:
    return at.astimezone(HELSINKI).date()


def a_joint_system_is_read_after_its_end(patch: pytest.MonkeyPatch) -> None:
    for module in (page, activities, anew):
        patch.setattr(module, "may_bring", _endless)


def _endless(landscape: Landscape, system: System, at: datetime) -> gate.Decision:
    decision = gate.may_bring(landscape, system, at)
    project = landscape.projects.get(system.project or "")
    return gate.OWN if project and _day(at) >= project.starts else decision


def profiling_needs_no_permission(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(collect, "may_collect", lambda *_: gate.COLLECTED)


def a_consent_needs_no_act(patch: pytest.MonkeyPatch) -> None:
    take: Any = consents._take

    def believing(*given: Any) -> None:
        *where, one, now = given
        take(*where, replace(one, act=one.act or "form", at=one.at or now), now)

    patch.setattr(consents, "_take", believing)


def an_older_consent_counts(patch: pytest.MonkeyPatch) -> None:
    def forgiving(self: Any, tolerance: timedelta) -> Any:
        return self.seen_at + timedelta(days=1) if self.act and self.at else None

    patch.setattr(permission.PermissionEvent, "consented", forgiving)


def refusals_are_not_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planning, "_prohibited", lambda *_: False)


def the_shadow_is_not_moved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "agree", lambda *_: None)


def what_is_unknown_is_taken_as_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recover, "_arrived", lambda *_: True)


def nothing_is_recovered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(delivering, "recover", lambda *_: {})


def deliveries_do_not_say_what_they_hold(patch: pytest.MonkeyPatch) -> None:
    sent: Any = claim._sent
    names = {"fields", "purposes"}

    def silent(one: Any, now: Any) -> Any:
        return {name: "" if name in names else value for name, value in sent(one, now).items()}

    patch.setattr(claim, "_sent", silent)


def blocks_are_not_looked_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(people, "any_blocks", lambda _: False)


def restrictions_are_not_loaded(patch: pytest.MonkeyPatch) -> None:
    facts: Any = subjects.Subject.facts

    def free(self: Any, *given: Any) -> Any:
        return replace(facts(self, *given), restricted=False)

    patch.setattr(subjects.Subject, "facts", free)


def the_cursor_moves_before_its_page(patch: pytest.MonkeyPatch) -> None:
    original: Any = land.land

    def hasty(*given: Any, **more: Any) -> Any:
        deployment, opened, epoch, stream, scope, *_ = given
        to = more.get("progress_to")
        if to is not None:
            where = (opened.system.id, stream.name, scope)
            with deployment.database.begin() as connection:
                check(connection, opened.system.id, epoch)
                advance(
                    connection,
                    where,
                    to.cursor,
                    deployment.now(),
                    began=to.began,
                    complete=to.complete,
                    mapping=anew.reads(deployment, opened, stream, deployment.now()),
                )
        return original(*given, **more)

    patch.setattr(running, "land", hasty)


def a_reason_tells_an_address(patch: pytest.MonkeyPatch) -> None:
    ask: Any = page.Page.ask

    def telling(self: Any, kind: str, external_id: str, reason: str, **more: Any) -> None:
        addresses = [one.email for one in self.people.values()]
        ask(self, kind, external_id, f"{reason} {addresses}", **more)

    patch.setattr(page.Page, "ask", telling)


def a_connector_logs_what_it_writes(patch: pytest.MonkeyPatch) -> None:
    call: Any = delivering.send

    def talking(opened: Any, lane: Any, batch: Any) -> Any:
        for one in batch.claimed:
            structlog.get_logger().debug("writing", content=dict(one.write.fields))
        return call(opened, lane, batch)

    patch.setattr(delivering, "send", talking)


BY_HISTORIES: dict[Break, str] = {
    the_gate_lets_everything_cross: "I2",
    an_ended_project_is_live: "I2",
    a_project_is_live_before_it_begins: "I2",
    a_joint_system_is_read_after_its_end: "I2",
    profiling_needs_no_permission: "profiling|erased|restricted",
    a_consent_needs_no_act: "I1|spread",
    an_older_consent_counts: "I1|spread",
    refusals_are_not_sent: "spread",
    the_shadow_is_not_moved: "I1|I2|I4",
    deliveries_do_not_say_what_they_hold: "I6",
    blocks_are_not_looked_up: "erased",
    restrictions_are_not_loaded: "restricted",
    a_reason_tells_an_address: "I9",
    a_connector_logs_what_it_writes: "I9",
}
"""Break -> how the violation that finds it begins."""

BY_KILLS: tuple[Break, ...] = (
    the_cursor_moves_before_its_page,
    nothing_is_recovered,
    what_is_unknown_is_taken_as_done,
)
