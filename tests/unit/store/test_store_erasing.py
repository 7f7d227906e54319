"""What waits about an erased record goes with it; what is about others stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from support.store_world import AT, Kit

from hub.store import erasing, people, questions, requests, rights_tables, tables
from hub.store.progress import cursor
from hub.store.sql import table_of
from hub.vault import KeyKind

RECORD = ("crm", "contacts", "", "7701")
OTHER = ("crm", "contacts", "", "77011")


def test_questions_and_quarantine_about_a_record(kit: Kit) -> None:
    ((key_id, key),) = kit.vault.new_keys(KeyKind.SYSTEM, 1)
    with kit.store.begin() as connection:
        for number, (system, stream, scope, id_) in enumerate((RECORD, OTHER), 1):
            place = {"system": system, "stream": stream, "scope": scope, "external_id": id_}
            questions.ask(
                connection,
                {"id": number, "kind": "identity", "reason": "r", "created_at": AT, **place},
            )
            aside = {"reason": "r", "raw": key.seal(b"x", b"a"), "key_id": key_id, "seen_at": AT}
            questions.put_aside(connection, {"id": number, **place, **aside})
            waiting = {**place, "stream": f"{stream}:activities"}
            questions.put_aside(connection, {"id": number + 10, **waiting, **aside})
        keys = erasing.forget_records(connection, [RECORD])
        assert keys == [key_id, key_id]
        left = connection.scalars(sa.select(questions.quarantine.c.external_id)).all()
        assert set(left) == {OTHER[3]}
        asked = connection.scalars(sa.select(questions.review.c.external_id)).all()
        assert set(asked) == {OTHER[3]}


def test_an_enumeration_that_stands_behind_the_record_begins_anew(kit: Kit) -> None:
    def at(stream: str, text: str) -> dict[str, object]:
        place = {"system": "crm", "stream": stream, "scope": ""}
        return {**place, "cursor": text, "mapping": "", "read_at": AT}

    with kit.store.begin() as connection:
        connection.execute(
            sa.insert(cursor),
            [
                at("contacts", '{"all":"7701","from":1}'),
                at("contacts:activities", '{"calls":{"since":7701}}'),
                at("companies", '{"all":"7701"}'),
            ],
        )
        erasing.forget_records(connection, [RECORD])
        left = set(connection.scalars(sa.select(cursor.c.stream)))
    assert left == {"contacts:activities", "companies"}


def test_blocks_by_many_count_anew(kit: Kit) -> None:
    mark = {"controller": "crowst", "kind": "email", "digest": b"d"}
    later = AT + timedelta(days=1)
    with kit.store.begin() as connection:
        people.add_blocks(connection, [{**mark, "at": AT}])
        people.add_blocks(
            connection, [{**mark, "at": later}, {**mark, "digest": b"e", "at": later}]
        )
        people.add_blocks(connection, [])
        rows = connection.execute(sa.select(people.block.c.digest, people.block.c.at)).all()
    assert sorted(map(tuple, rows)) == [(b"d", later), (b"e", later)]


def test_a_block_for_as_long_as_a_request_runs_ends_with_it_and_changes_no_lasting_one(
    kit: Kit,
) -> None:
    def mark(digest: bytes, days: int, request: int | None = None) -> dict[str, Any]:
        at = AT + timedelta(days=days)
        return {"controller": "b", "kind": "email", "digest": digest, "at": at} | (
            {"request_id": request} if request else {}
        )

    with kit.store.begin() as connection:
        people.add_blocks(connection, [mark(b"stood", 0)])
        passing = [mark(one, 1, request=7) for one in (b"stood", b"passed", b"asked")]
        people.add_blocks(connection, [*passing, mark(b"other", 1, request=8)])
        people.add_blocks(connection, [mark(b"asked", 2)])  # the person asks there too
        people.end_blocks(connection, 7)
        rows = connection.execute(sa.select(people.block.c.digest, people.block.c.at)).all()
    days = {digest: (at - AT).days for digest, at in rows}
    assert days == {b"stood": 0, b"asked": 2, b"other": 1}


def test_a_due_task_is_unserved_unless_the_engine_has_it(kit: Kit) -> None:
    """Whoever made it due may have died before saying so, or runs no daemon."""
    with kit.store.begin() as connection:
        connection.execute(
            sa.insert(requests.request).values(
                id=1,
                right="erasure",
                controllers="crowst",
                also="",
                state="executing",
                open=True,
                on_hold=False,
                version=1,
                key_id=1,
                casefile=b"",
                duplicate=b"",
                received_at=AT,
                target_on=AT.date(),
                due_on=AT.date(),
                extended_reason="",
                escalated="",
                questions="[]",
                identity="",
                code_tries=0,
                plan="",
                plan_hash="",
                merged="",
                approved_by="",
                second_by="",
                watched=0,
                reason="",
            )
        )
        requests.add_tasks(connection, [_task(1, "crm"), _task(2, "mailer"), _task(3, "webinar")])
        ledger = table_of(tables.Task)
        row = {"kind": "rights", "n": 1, "epoch": 1, "failures": 0, "reason": ""}
        connection.execute(
            sa.insert(ledger),
            [
                {**row, "key": "crm", "open": True, "due_at": AT, "holder": None},
                {**row, "key": "mailer", "open": False, "due_at": AT, "holder": None},
                {
                    **row,
                    "key": "webinar",
                    "open": True,
                    "due_at": AT + timedelta(hours=1),
                    "holder": None,
                },
            ],
        )
        assert sorted(requests.unserved(connection, "rights", AT)) == ["mailer", "webinar"]
        assert requests.unserved(connection, "rights", AT - timedelta(seconds=1)) == []
        connection.execute(sa.update(ledger).values(open=True, holder="somebody"))
        assert requests.unserved(connection, "rights", AT) == []


def _task(number: int, system: str) -> dict[str, object]:
    made = rights_tables.RightsTask(
        id=number,
        request_id=1,
        system=system,
        part="records",
        controllers="crowst",
        act="erase",
        state="pending",
        due_at=AT,
        created_at=AT,
    )
    return made.model_dump()
