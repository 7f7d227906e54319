"""What a `hub rights` command says at its end: what was done, and where the request is now."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from hub.cli.rights_facts import due_of, load, task_of, told
from hub.cli.rights_show import print_head, print_tasks
from hub.cli.show import out, print_json
from hub.domain.deadline import helsinki_day
from hub.opening import Hub
from hub.rights.due import deadline_of


def report(hub: Hub, number: int, said: str, *, json: bool, **more: Any) -> None:
    """Say what was done, and show the request as it is now."""
    row, tasks, _ = load(hub, number)
    today = helsinki_day(hub.deployment.now())
    if json:
        print_json(
            {
                **told(row),
                **due_of(row, today),
                "tasks": [task_of(one) for one in tasks],
                "done": said,
                **more,
            }
        )
        return
    console = out()
    console.print(Text(said))
    print_head(console, row, deadline_of(row), today)
    if row.open or any(one.ended_at is None for one in tasks):
        print_tasks(console, row, tasks)
