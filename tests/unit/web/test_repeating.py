"""Idempotency-Key: one effect and one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support.office import EMAIL, Office

from hub.domain.audit import Event
from hub.rights import intake
from hub.store import audit, idempotency
from hub.store.idempotency import answer as kept_answers
from hub.vault.database import read_only

NEW = {"right": "access", "controllers": ["crowst"], "email": EMAIL, "message": "Mitä tiedätte?"}


def received(office: Office) -> int:
    with read_only(office.deployment.database).connect() as connection:
        return sum(one.entry.event is Event.REQUEST_RECEIVED for one in audit.entries(connection))


def test_the_same_again_is_answered_the_same(office: Office) -> None:
    token = office.token()
    first = office.post("/requests", token, NEW, key="k1")
    again = office.post("/requests", token, NEW, key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert received(office) == 1
    # without the key it would be the duplicate that it is
    assert office.post("/requests", token, NEW, key="k2").status_code == 200


def test_the_answer_stays_when_the_request_has_moved_on(office: Office) -> None:
    token = office.token()
    first = office.post("/requests", token, NEW, key="k1").json()
    office.post(f"/requests/{first['number']}/withdrawal", token)
    assert office.post("/requests", token, NEW, key="k1").json() == first
    assert received(office) == 1


def test_another_body_or_path_with_the_same_key_is_refused(office: Office) -> None:
    token = office.token()
    number = office.post("/requests", token, NEW, key="k1").json()["number"]
    other = office.post("/requests", token, {**NEW, "language": "sv"}, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "key-used")
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    elsewhere = office.post(f"/requests/{number}/withdrawal", token, key="k1")
    assert elsewhere.status_code == 422
    assert office.get(f"/requests/{number}", token).json()["open"]


def test_keys_belong_to_their_token(office: Office) -> None:
    first, second = office.token(), office.token()
    office.post("/requests", first, NEW, key="k1")
    answer = office.post("/requests", second, {**NEW, "right": "erasure"}, key="k1")
    assert answer.status_code == 201
    assert office.post("/requests", None, NEW, key="k1").status_code == 401


def test_after_an_error_the_key_is_free(office: Office) -> None:
    token = office.token()
    wrong = office.post("/requests", token, {**NEW, "email": "nobody"}, key="k1")
    assert wrong.status_code == 422
    assert office.post("/requests", token, NEW, key="k1").status_code == 201


def test_two_at_once_have_one_effect(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    token = office.token()
    inside, go_on = threading.Event(), threading.Event()
    plain = intake.open_request

    def slow(*args: object) -> object:
        inside.set()
        assert go_on.wait(30)
        return plain(*args)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(intake, "open_request", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(office.post, "/requests", token, NEW, "k1")
        assert inside.wait(30)
        second = office.post("/requests", token, NEW, key="k1")
        assert (second.status_code, second.json()["code"]) == (409, "still-running")
        assert second.headers["retry-after"] == "1"
        different = office.post("/requests", token, {**NEW, "language": "en"}, key="k1")
        assert different.status_code == 422
        go_on.set()
        made = first.result()
    assert made.status_code == 201
    assert office.post("/requests", token, NEW, key="k1").json() == made.json()
    assert received(office) == 1


def test_many_at_once_have_one_effect(office: Office) -> None:
    token = office.token()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: office.post("/requests", token, NEW, "k1"), range(6)))
    assert {one.status_code for one in answers} <= {201, 409}
    assert received(office) == 1


def test_what_died_half_way_may_be_asked_again(office: Office) -> None:
    token = office.token()
    digest = office.deployment.identities.secret("idempotency", "k1").hex()
    now = office.deployment.now()
    with office.deployment.database.begin() as connection:
        assert idempotency.begin(connection, 1, digest, b"other", now) is None
    assert office.post("/requests", token, NEW, key="k1").status_code == 422
    office.world.clock.advance(idempotency.ABANDONED.total_seconds() + 1)
    assert office.post("/requests", token, NEW, key="k1").status_code == 201


def test_keys_end_after_a_day(office: Office) -> None:
    token = office.token()
    office.post("/requests", token, NEW, key="k1")
    office.world.clock.advance((idempotency.KEEP + timedelta(seconds=1)).total_seconds())
    assert office.post("/requests", token, NEW, key="k2").status_code == 200
    with read_only(office.deployment.database).connect() as connection:
        assert len(connection.execute(kept_answers.select()).all()) == 1
    assert office.post("/requests", token, {**NEW, "right": "erasure"}, key="k1").status_code == 201


def test_a_code_is_answered_once_and_kept_nowhere(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    path = f"/requests/{number}/identity/code"
    made = office.post(path, token, key="k1")
    assert made.status_code == 201
    again = office.post(path, token, key="k1")
    assert (again.status_code, again.json()["code"]) == (409, "answered-once")
    # the first is still the one that counts
    right = office.post(f"{path}/answer", token, {"code": made.json()["code"]})
    assert right.json()["enough"] is True


def test_what_is_kept_holds_no_personal_data(office: Office) -> None:
    token = office.token()
    office.post("/requests", token, {**NEW, "name": "Aino Virtanen"}, key=f"for-{EMAIL}")
    with read_only(office.deployment.database).connect() as connection:
        (row,) = connection.execute(kept_answers.select()).all()
    assert EMAIL not in str(row)
    assert "Aino" not in str(row)
    assert row.status == 201


@pytest.mark.parametrize("key", ["", "two words", "ä" * 3, "x" * 256])
def test_a_malformed_key_is_told(office: Office, key: str) -> None:
    headers = {**office.token(), "Idempotency-Key": key.encode()}
    answer = office.client.post("/api/v1/requests", headers=headers, json=NEW)  # type: ignore[arg-type]  # bytes
    assert answer.status_code == 422, answer.text
    assert "dempotency" in answer.json()["errors"][0]["field"]
    assert received(office) == 0
