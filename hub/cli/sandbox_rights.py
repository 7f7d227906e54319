"""What `hub sandbox --once` shows of rights: an access, a rectification, an objection and an
erasure, each from its receipt to its end, over the tools' stand-ins."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.cli.show import out, table
from hub.domain.rights import RequestState, Right, TaskState, Way
from hub.opening import Hub
from hub.rights import decide, identity, intake, manual, slices
from hub.rights.identity import How
from hub.rights.targets import HUB
from hub.store import audit, requests
from hub.sync.run import until_quiet
from hub.vault.database import Row, read_only

HANDLER, SECOND = "cli:handler", "cli:second"
_PATIENCE = 60.0


@dataclass(slots=True)
class Story:
    """One request, as it went."""

    right: str
    number: int
    controllers: Sequence[str]
    state: str = ""
    seconds: float = 0.0  # from its receipt until every tool had answered
    tasks: dict[str, str] = field(default_factory=dict)  # system -> how it ended
    timeline: list[tuple[str, str, str]] = field(default_factory=list)  # after, what, where


def tell(hub: Hub, examples: Sequence[str], each: Callable[[str], None]) -> list[Story]:
    """Carry the four requests out. `examples` are addresses of invented people: known to both
    companies; unsubscribed somewhere; of one company."""
    both, torn, one = examples[:3]
    companies = tuple(hub.settings.landscape.controllers)
    # the erasure last: nobody is left to ask for anything afterwards
    asked: Sequence[tuple[Right, str, Sequence[str], dict[str, str]]] = (
        (Right.ACCESS, both, companies, {}),
        (Right.RECTIFICATION, one, companies, {"last_name": "Oikaistu"}),
        (Right.OBJECTION, torn, companies, {}),
        (Right.ERASURE, both, companies, {}),
    )
    stories = []
    for right, email, controllers, corrections in asked:
        each(right.value)
        stories.append(_carry_out(hub, right, email, controllers, corrections))
    return stories


def told_to_the_end(stories: Sequence[Story]) -> bool:
    """Whether every request closed with its proof."""
    ends = (RequestState.CLOSED.value, RequestState.CLOSED_WITH_EXCEPTIONS.value)
    return bool(stories) and all(one.state in ends for one in stories)


def print_stories(stories: Sequence[Story]) -> None:
    """The timelines, for a person."""
    console = out()
    for one in stories:
        shown = table(
            f"Request {one.number}: {one.right}, to {' and '.join(one.controllers)} "
            f"({one.state} after {one.seconds:.1f} s)",
            "after",
            "what",
            "where",
        )
        for after, what, where in one.timeline:
            shown.add_row(after, what, where)
        console.print()
        console.print(shown)


def _carry_out(
    hub: Hub, right: Right, email: str, controllers: Sequence[str], corrections: dict[str, str]
) -> Story:
    deployment = hub.deployment
    began = time.monotonic()
    started = deployment.now()
    asked = intake.Asked(right, controllers, email, started, corrections=corrections)
    number = intake.open_request(deployment, asked, HANDLER).number
    story = Story(right.value, number, controllers)
    if _row(hub, number).state == RequestState.IDENTITY_PENDING.value:
        identity.by_handler(
            deployment, number, How.KNOWN_TO_HANDLER, "invented, and met in a sandbox", HANDLER
        )
    for actor in (HANDLER, SECOND):
        row = _row(hub, number)
        if row.state == RequestState.PLANNED.value:
            decide.approve(deployment, number, row.plan_hash, actor)
    if right is Right.OBJECTION:
        until_quiet(deployment, "sandbox", rounds=3)
    _work(hub)
    story.seconds = time.monotonic() - began
    _by_hand(hub, number)
    if _row(hub, number).state == RequestState.NOTIFYING.value:
        decide.notified(deployment, number, Way.EMAIL, "It was done.", HANDLER)
    _remember(hub, story, started)
    return story


def _work(hub: Hub) -> None:
    """Everything that is due, waiting for what is due in a moment."""
    deadline = time.monotonic() + _PATIENCE
    systems = [*hub.settings.landscape.systems, HUB]
    while time.monotonic() < deadline:
        waits = [slices.work(hub.deployment, one, hub.open_system) for one in systems]
        soon = [wait for wait in waits if wait is not None and wait < _PATIENCE / 2]
        if not soon:
            return
        time.sleep(min(soon) + 0.01)


def _by_hand(hub: Hub, number: int) -> None:
    """A named person does what no call reaches."""
    for task in _tasks(hub, number):
        if task.state == TaskState.AWAITING_EXTERNAL.value:
            with hub.deployment.database.begin() as connection:
                manual.confirm(
                    connection, hub.deployment, task.id, "Sanni Esimerkki", "Done in the tool."
                )


def _remember(hub: Hub, story: Story, started: datetime) -> None:
    tasks = _tasks(hub, story.number)
    story.state = _row(hub, story.number).state
    story.tasks = {
        one.system if one.part == "records" else f"{one.system} {one.part}": one.state
        for one in tasks
    }
    where = {f"task {one.id}": f"{one.system} {one.part}" for one in tasks}
    subjects = [f"request {story.number}", *where]
    with read_only(hub.deployment.database).connect() as connection:
        for entry, _ in audit.entries(connection, subjects=subjects):
            after = (entry.at - started).total_seconds()
            place = where.get(entry.subject, "").removesuffix(" records")
            story.timeline.append((f"{after:.2f} s", entry.event.value, place))


def _row(hub: Hub, number: int) -> Row[Any]:
    with read_only(hub.deployment.database).connect() as connection:
        return decide.load(connection, number)


def _tasks(hub: Hub, number: int) -> list[Row[Any]]:
    with read_only(hub.deployment.database).connect() as connection:
        return requests.tasks_of(connection, number)
