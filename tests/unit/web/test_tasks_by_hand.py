"""What a person does or judges of a request: one-time links, and whose a doubtful record is."""

from __future__ import annotations

import pytest
from support.accounts import Crm
from support.office import EMAIL, Office
from support.rights_desk import Desk

from hub.domain.audit import Event
from hub.rights import manual, watch
from hub.store import requests
from hub.vault.database import read_only


def manual_task(office: Office, token: dict[str, str]) -> tuple[int, int]:
    """A request and a task of it that waits for a person."""
    Crm(office.world, "crowst").add(EMAIL, first_name="Aino")
    number = office.opened(token, "no_automated_decisions")
    plan = office.known(token, number)
    office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    office.work()
    tasks = office.get(f"/requests/{number}", token).json()["tasks"]
    found = next(one for one in tasks if one["state"] == "awaiting_external")
    return number, int(found["task"])


def test_a_one_time_link_confirms_its_task_once(office: Office) -> None:
    token = office.token()
    number, task = manual_task(office, token)
    made = office.post(f"/requests/{number}/tasks/{task}/link", token)
    assert made.status_code == 201
    assert office.events(Event.TASK_LINK_MADE) == 1
    path = made.json()["link"].removeprefix("https://localhost:8443/api/v1")
    shown = office.get(f"{path}?language=sv")
    assert "crowst" in shown.json()["instructions"]
    assert shown.json()["language"] == "sv"
    assert EMAIL not in shown.text
    body = {"by": "Ville Korhonen", "statement": "removed"}
    assert office.post(path, None, body).json() == {"confirmed": True}
    spent = office.post(path, None, body)
    assert (spent.status_code, spent.json()["code"]) == (404, "no-such-link")
    assert office.get(path).status_code == 404
    again = office.post(f"/requests/{number}/tasks/{task}/link", token)
    assert (again.status_code, again.json()["code"]) == (409, "cannot-confirm")


def test_a_link_whose_request_was_taken_back_says_so(office: Office) -> None:
    token = office.token()
    number, task = manual_task(office, token)
    made = office.post(f"/requests/{number}/tasks/{task}/link", token).json()["link"]
    path = made.removeprefix("https://localhost:8443/api/v1")
    with office.deployment.database.begin() as connection:  # of a right that may be taken back
        row = requests.get(connection, number)
        assert row is not None
        requests.change(
            connection, row, state="withdrawn", open=False, retain_until=office.deployment.now()
        )
    for _ in range(2):
        for answer in (office.get(path), office.post(path, None, {"by": "V", "statement": "x"})):
            assert (answer.status_code, answer.json()["code"]) == (410, "no-longer-needed")
        watch.archive(office.deployment)
    assert office.get(f"/requests/{number}", token).json()["state"] == "archived"


def test_a_newer_link_ends_the_earlier_one(office: Office) -> None:
    token = office.token()
    number, task = manual_task(office, token)
    links = [
        office.post(f"/requests/{number}/tasks/{task}/link", token).json()["link"] for _ in range(2)
    ]
    first, second = (one.removeprefix("https://localhost:8443/api/v1") for one in links)
    assert office.get(first).status_code == 404
    assert office.get(second).status_code == 200


def test_links_are_not_guessed_quickly(office: Office) -> None:
    codes = [office.get(f"/confirmations/{'x' * 32}").status_code for _ in range(31)]
    assert codes == [404] * 30 + [429]
    answer = office.get(f"/confirmations/{'x' * 32}")
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    office.world.clock.advance(61)
    assert office.get(f"/confirmations/{'x' * 32}").status_code == 404


def test_a_task_that_asks_nothing_is_not_judged(office: Office) -> None:
    token = office.token()
    number, task = manual_task(office, token)
    answer = office.post(
        f"/requests/{number}/tasks/{task}/match", token, {"same": True, "records": [1]}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "no-question")


def weak_matches(office: Office, token: dict[str, str]) -> tuple[int, str, list[str]]:
    """An erasure under way that found two contacts by her telephone: its number, the path of the
    task, the contacts."""
    crm = Crm(office.world, "crowst")
    crm.add(EMAIL, first_name="Aino", phone="+358401234567")
    office.world.sync()
    shared = [crm.add(None, first_name=name, phone="+358401234567") for name in ("Aimo", "Aini")]
    number = office.opened(token)
    plan = office.known(token, number)
    office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    office.work()
    tasks = office.get(f"/requests/{number}", token).json()["tasks"]
    task = next(one for one in tasks if one["reason"] == "weak-match")
    return number, f"/requests/{number}/tasks/{task['task']}", shared


def test_each_weak_match_is_named_and_judged_by_itself(office: Office) -> None:
    first, second = office.token(), office.token()
    number, at, shared = weak_matches(office, first)
    crm = Crm(office.world, "crowst").box.account
    looks = office.events(Event.REQUEST_VIEWED)
    listed = office.get(f"{at}/matches", first).json()["records"]
    assert {one["id"] for one in listed} == set(shared)
    assert {(one["system"], one["stream"], one["by"]) for one in listed} == {
        ("crowst-crm", "contacts", "phone")
    }
    assert office.events(Event.REQUEST_VIEWED) == looks + 1
    record = {one["id"]: one["record"] for one in listed}
    hers, anothers = shared

    alone = office.post(f"{at}/match", first, {"same": True, "records": [record[hers]]})
    assert (alone.status_code, alone.json()["code"]) == (409, "second-approver")
    unknown = office.post(f"{at}/match", second, {"same": True, "records": [99]})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "no-question")
    said = office.post(f"{at}/match", first, {"same": False, "records": [record[anothers]]})
    assert said.json()["state"] == "attention"  # one is left
    left = office.get(f"{at}/matches", first).json()["records"]
    assert [one["id"] for one in left] == [hers]
    said = office.post(f"{at}/match", second, {"same": True, "records": [record[hers]]})
    assert said.json()["state"] == "pending"
    Desk(office.world).work()
    assert crm.find(hers) is None
    assert crm.find(anothers) is not None
    judged = [
        (one["actor"], one["detail"]["same"])
        for one in office.get(f"/requests/{number}", first).json()["timeline"]
        if one["event"] == "review-decided"
    ]
    assert judged == [("token:1", "no"), ("token:2", "yes")]


def test_several_are_judged_at_once_where_they_are_named(office: Office) -> None:
    token = office.token()
    _, at, shared = weak_matches(office, token)
    which = [one["record"] for one in office.get(f"{at}/matches", token).json()["records"]]
    said = office.post(f"{at}/match", token, {"same": False, "records": which})
    assert said.json()["state"] == "pending"
    assert office.events(Event.REVIEW_DECIDED) == len(which) == len(shared) == 2


def test_nobodys_record_is_judged_by_another_controller(office: Office) -> None:
    token, other = office.token(), office.token(controllers=["bangeri"])
    _, at, _ = weak_matches(office, token)
    assert office.get(f"{at}/matches", other).status_code == 404
    body = {"same": True, "records": [1]}
    assert office.post(f"{at}/match", other, body).status_code == 404
    assert office.post(f"{at}/match", token, {"same": True}).status_code == 422


def test_a_task_of_another_request_is_not_there(office: Office) -> None:
    token = office.token()
    _, task = manual_task(office, token)
    other = office.opened(token, "access")
    for act, body in (("link", None), ("match", {"same": True, "records": [1]})):
        answer = office.post(f"/requests/{other}/tasks/{task}/{act}", token, body)
        assert answer.status_code == 404


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_instructions_are_there_in_each_language(office: Office, language: str) -> None:
    token = office.token()
    number, task = manual_task(office, token)
    with read_only(office.deployment.database).connect() as connection:
        row = requests.get_task(connection, task)
    assert row is not None
    link = office.post(f"/requests/{number}/tasks/{task}/link", token).json()["link"]
    path = link.removeprefix("https://localhost:8443/api/v1")
    shown = office.get(f"{path}?language={language}").json()["instructions"]
    assert shown == manual.instructions(office.deployment, row, language)
