"""Reviews are asked once, quarantined rows renewed."""

from __future__ import annotations

from typing import Any

from support.store_world import AT, HOUR, PLACE, SECOND, Kit

from hub.store import questions


def question(id_: int, **other: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "kind": "identity",
        "system": "crm",
        "stream": "contacts",
        "external_id": "101",
        "reason": "two persons have this address",
        "created_at": AT,
        **other,
    }


def aside(id_: int, external_id: str = "101", **other: Any) -> dict[str, Any]:
    system, stream, scope = PLACE
    return {
        "id": id_,
        "system": system,
        "stream": stream,
        "scope": scope,
        "external_id": external_id,
        "reason": "not an e-mail address",
        "raw": b"sealed",
        "key_id": 7,
        "seen_at": AT,
        **other,
    }


def test_a_question_is_asked_once_while_it_is_open(kit: Kit) -> None:
    with kit.store.begin() as connection:
        assert questions.ask(connection, question(1))
        assert not questions.ask(connection, question(2, reason="again"))
        assert questions.ask(connection, question(3, field="email"))
        assert questions.ask(connection, question(4, kind="conflict"))
        assert questions.ask(connection, question(5, scope="news"))
        assert [one.id for one in questions.reviews(connection)] == [1, 3, 4, 5]
        questions.decide(connection, [1], "approved", "person 7", AT + HOUR)
        assert questions.ask(connection, question(6))


def test_a_question_that_is_to_be_left_alone_is_not_asked_again(kit: Kit) -> None:
    with kit.store.begin() as connection:
        questions.ask(connection, question(1))
        questions.decide(connection, [1], "rejected", "ignore", AT)
        assert not questions.ask(connection, question(2))
        assert questions.ask(connection, question(3, external_id="102"))


def test_a_decision_is_final(kit: Kit) -> None:
    with kit.store.begin() as connection:
        questions.ask(connection, question(1))
        questions.decide(connection, [1], "approved", "person 7", AT + SECOND)
        questions.decide(connection, [1], "rejected", "", AT + HOUR)
        review = questions.get_review(connection, 1)
        assert review is not None
        assert (review.state, review.decision, review.decided_at) == (
            "approved",
            "person 7",
            AT + SECOND,
        )
        assert questions.reviews(connection) == []
        assert [one.id for one in questions.reviews(connection, None)] == [1]
        assert questions.get_review(connection, 2) is None


def test_open_questions_about_records(kit: Kit) -> None:
    with kit.store.begin() as connection:
        questions.ask(connection, question(1))
        questions.ask(connection, question(2, external_id="102"))
        questions.ask(connection, question(3, external_id="103"))
        questions.ask(connection, question(4, external_id="101", scope="news"))
        questions.decide(connection, [2], "moot", "", AT)
        found = questions.open_about(connection, *PLACE, ["101", "102"])
        assert [one.id for one in found] == [1]


def test_the_latest_approval_counts_until_it_is_spent(kit: Kit) -> None:
    with kit.store.begin() as connection:
        storm = {"kind": "storm", "stream": "", "external_id": ""}
        for id_, state in ((1, "approved"), (2, "rejected"), (3, "approved")):
            assert questions.ask(connection, question(id_, **storm))
            questions.decide(connection, [id_], state, "", AT + id_ * SECOND)
        latest = questions.decided(connection, "storm", "crm")
        assert latest is not None
        assert latest.id == 3
        questions.spend(connection, 3)
        earlier = questions.decided(connection, "storm", "crm")
        assert earlier is not None
        assert earlier.id == 1
        assert questions.decided(connection, "storm", "mailer") is None
        assert questions.decided(connection, "deletes", "crm") is None


def test_a_row_put_aside_again_is_renewed_and_counted(kit: Kit) -> None:
    with kit.store.begin() as connection:
        questions.put_aside(connection, aside(1))
        questions.put_aside(
            connection, aside(2, reason="no address", raw=b"new", key_id=8, seen_at=AT + HOUR)
        )
        (row,) = questions.aside(connection, "crm")
        # it keeps the number by which the handler knows it
        assert (row.id, row.reason, row.raw, row.key_id) == (1, "no address", b"new", 8)
        assert (row.tries, row.created_at, row.seen_at) == (2, AT, AT + HOUR)


def test_quarantine_by_place(kit: Kit) -> None:
    with kit.store.begin() as connection:
        questions.put_aside(connection, aside(1))
        questions.put_aside(connection, aside(2, "102", raw=None, key_id=None))
        questions.put_aside(connection, aside(3, "103", scope="news"))
        questions.put_aside(connection, aside(4, system="mailer", seen_at=AT - HOUR))
        assert questions.unread(connection, *PLACE) == {"101"}
        assert next(one.id for one in questions.aside(connection)) == 4  # the oldest
        assert {one.id for one in questions.aside(connection, "crm")} == {1, 2, 3}
        assert questions.release(connection, *PLACE, ["101", "102", "103"]) == 2
        assert {one.id for one in questions.aside(connection)} == {3, 4}
