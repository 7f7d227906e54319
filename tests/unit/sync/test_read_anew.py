"""What makes the hub read again what did not change, and what must not wait for the end of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from support.accounts import Crm, List, open_accounts
from support.world import World, is_write, small_world

from hub.delivery.deployment import Opened
from hub.domain.landscape import FieldMap, System
from hub.store import questions
from hub.store.sql import once_more
from hub.sync import run as running
from hub.sync.run import run_system

CRM = "crowst-crm"


def mapped_otherwise(world: World) -> Opened:
    """The CRM as it is after an operator mapped one field less."""
    opened = world.deployment.systems[CRM]
    (stream,) = opened.system.streams
    fields = tuple(one for one in stream.fields if one.hub != "job_title")
    changed: System = replace(opened.system, streams=(replace(stream, fields=fields),))
    return Opened(changed, opened.type, opened.connector)


def test_a_changed_mapping_reads_everything_anew_and_writes_nothing(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        open_accounts(world)
        for number in range(5):
            Crm(world, "crowst").add(f"person{number}@firma.example", first_name="Aino")
        assert world.sync()
        assert world.run(CRM, full=True).read["changed"] == 0
        before = world.writes()
        report = run_system(world.deployment, mapped_otherwise(world), "test")
        assert report.read["changed"] == 5
        assert run_system(world.deployment, mapped_otherwise(world), "test").quiet
        assert world.writes() == before


def test_the_signature_of_a_mapping_is_the_same_in_every_process(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        (stream,) = world.deployment.systems[CRM].system.streams
    rule = stream.grounds[0]
    turned = replace(rule, values=frozenset(sorted(rule.values, reverse=True)))
    assert replace(stream, grounds=(turned, *stream.grounds[1:])).signature == stream.signature
    more = replace(stream, fields=(*stream.fields, FieldMap("language", "hs_language")))
    assert more.signature != stream.signature


def test_a_refusal_goes_out_before_a_long_reading_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mailer's refusal is known; the CRM, read in groups of a page, is told of it before its
    last page is read."""
    monkeypatch.setattr(running, "TOGETHER", 4)
    with small_world(tmp_path) as world:
        open_accounts(world)
        crm = Crm(world, "crowst")
        for number in range(730):
            crm.add(f"person{number}@firma.example")
        List(world, "crowst-uutiset").add("person0@firma.example", "unsubscribed")
        world.run("crowst-mailer")
        world.run(CRM)
        calls = crm.box.journal
        refused = next(n for n, entry in enumerate(calls) if _refuses(entry))
        pages = [n for n, entry in enumerate(calls) if _lists(entry)]
        assert refused < pages[-1]


def _refuses(entry: dict[str, Any]) -> bool:
    return is_write(entry) and "UNSUBSCRIBED" in entry["body"]


def _lists(entry: dict[str, Any]) -> bool:
    return entry["method"] == "GET" and entry["route"].endswith(("/contacts", "{objectType}"))


def test_a_row_met_again_keeps_its_number_and_is_no_news(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        open_accounts(world)
        Crm(world, "crowst").add("no address at all")
        assert world.run(CRM).read["quarantined"] == 1
        with world.deployment.database.connect() as connection:
            (first,) = questions.aside(connection)
        again = world.run(CRM, full=True)
        with world.deployment.database.connect() as connection:
            (second,) = questions.aside(connection)
        assert (second.id, second.key_id, second.tries) == (first.id, first.key_id, 2)
        assert again.read["still-quarantined"] == 1
        assert again.quiet


class _Elsewhere(Exception):
    """An error of a driver that is not SQLite's."""


@pytest.mark.parametrize("kind", [IntegrityError, OperationalError])
def test_a_lost_race_is_run_again(kind: type[IntegrityError | OperationalError]) -> None:
    tries: list[int] = []

    def transaction() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise kind("", None, _Elsewhere())
        return "done"

    assert once_more(transaction) == "done"
    assert len(tries) == 3


def test_a_race_that_is_always_lost_is_told() -> None:
    def transaction() -> str:
        raise IntegrityError("", None, _Elsewhere())

    with pytest.raises(IntegrityError):
        once_more(transaction)
