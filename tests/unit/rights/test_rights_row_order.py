"""Whoever changes a request and its tasks in one transaction takes the request first: on PostgreSQL
two transactions that do it crosswise wait for each other, and one of them is thrown out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from support.accounts import Crm
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import decide, manual, matches
from hub.store.requests import request, task

DOUBLE = "aino.toinen@posti.example"


@pytest.fixture(autouse=True)
def crosswise(world: World) -> Iterator[list[str]]:
    """Statements that take a request behind a task of the same transaction."""
    engine = world.deployment.database
    taken: list[str] = []
    found: list[str] = []

    def anew(*_: object) -> None:
        taken.clear()

    def executes(_: object, statement: object, *__: object) -> None:
        locks = isinstance(statement, sa.Select) and statement._for_update_arg is not None
        if not (locks or isinstance(statement, sa.Update)):
            return
        froms = (
            statement.get_final_froms() if isinstance(statement, sa.Select) else [statement.table]
        )
        if task in froms:
            taken.append("task")
        elif request in froms:
            if taken and taken[0] == "task":
                found.append(str(statement))
            taken.append("request")

    for name in ("begin", "savepoint", "commit", "rollback"):
        event.listen(engine, name, anew)
    event.listen(engine, "before_execute", executes)
    yield found
    event.remove(engine, "before_execute", executes)
    assert found == []


def test_a_plan_that_grows(world: World, desk: Desk, aino: str) -> None:
    crm = Crm(world, "crowst")
    kept = crm.id_of(aino) or ""
    double = crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa")
    world.sync()
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    world.clock.advance(60)
    crm.merge(kept, double)
    world.sync(full=True)
    desk.work()
    assert desk.row(number).reason == "plan-grew"
    desk.approve(number)
    desk.work()
    desk.confirm(number)
    desk.close(number)


def test_a_handlers_word_and_what_else_they_do(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    Crm(world, "crowst").add(None, first_name="Aino", last_name="Kukkamaa", phone="+358401234567")
    desk.work()
    asked = [one for one in desk.tasks(number).values() if one.reason == "weak-match"]
    for one in asked:
        matches.judge(desk.deployment, one.id, desk.second, same=True)
    assert asked
    decide.hold(desk.deployment, number, "cli:handler", on=True)
    decide.hold(desk.deployment, number, "cli:handler", on=False)
    decide.retry(desk.deployment, number, "cli:handler")
    desk.work()
    for one in desk.tasks(number).values():
        if one.state == "awaiting_external":
            with desk.deployment.database.begin() as connection:
                manual.new_link(connection, desk.deployment, one.id, "cli:handler")
    desk.confirm(number)
    desk.close(number)
    desk.watch(1.1)
