"""Who may see and do what: scopes, controllers, tokens that ended."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from support.accounts import Crm
from support.office import EMAIL, Office
from support.rights_desk import Desk

from hub.domain.audit import Event
from hub.store import audit, tokens
from hub.store.tokens import NameTaken, Scope
from hub.testing.world import LIVE_PROJECT
from hub.vault.database import read_only

HASH = {"plan_hash": "0" * 64}
NOTE = {"how": "known-to-handler", "note": "met"}
NEW = {"right": "access", "controllers": ["crowst"], "email": EMAIL}
CONFIRM = {"by": "Ville Korhonen", "statement": "done"}
READ, HANDLE, APPROVE, AUDIT = Scope.READ, Scope.HANDLE, Scope.APPROVE, Scope.AUDIT

# method, path, body, the scopes that open it
ROUTES: list[tuple[str, str, Any, set[Scope]]] = [
    ("POST", "/requests", NEW, {HANDLE}),
    ("GET", "/requests", None, {READ, HANDLE, APPROVE}),
    ("GET", "/requests/1", None, {READ, HANDLE, APPROVE}),
    ("GET", "/requests/1?casefile=true", None, {HANDLE}),
    ("GET", "/requests/1/dry-run", None, {HANDLE, APPROVE}),
    ("GET", "/requests/1/package", None, {HANDLE}),
    ("POST", "/requests/1/identity", NOTE, {HANDLE}),
    ("POST", "/requests/1/identity/code", None, {HANDLE}),
    ("POST", "/requests/1/identity/code/answer", {"code": "AAAA"}, {HANDLE}),
    ("POST", "/requests/1/scope", {"controllers": ["crowst"]}, {HANDLE}),
    ("POST", "/requests/1/exemptions", {"exemptions": [], "reason": "x"}, {HANDLE}),
    ("POST", "/requests/1/refusal", {"ground": "excessive", "reason": "x"}, {HANDLE}),
    ("POST", "/requests/1/approval", HASH, {APPROVE}),
    ("POST", "/requests/1/retry", None, {HANDLE}),
    ("POST", "/requests/1/hold", {"reason": "x"}, {HANDLE}),
    ("POST", "/requests/1/release", None, {HANDLE}),
    ("POST", "/requests/1/extension", {"reason": "number", "explanation": "x"}, {HANDLE}),
    ("POST", "/requests/1/withdrawal", None, {HANDLE}),
    ("POST", "/requests/1/notice", {"how": "email", "text": "x"}, {HANDLE}),
    ("POST", "/requests/1/lifting", {"how": "email", "text": "x"}, {HANDLE}),
    ("POST", "/requests/1/notes", {"text": "x"}, {HANDLE}),
    ("POST", "/requests/1/tasks/1/link", None, {HANDLE}),
    ("POST", "/requests/1/tasks/1/confirmation", CONFIRM, {HANDLE}),
    ("GET", "/requests/1/tasks/1/matches", None, {HANDLE}),
    ("POST", "/requests/1/tasks/1/match", {"same": True, "records": [1]}, {HANDLE}),
    ("GET", "/audit", None, {AUDIT}),
    ("GET", "/audit/head", None, {AUDIT}),
    ("GET", "/audit/verify", None, {AUDIT}),
]
names = [f"{method} {path}" for method, path, *_ in ROUTES]
OPEN = {"/api/v1/confirmations/{link}", "/api/v1/health"}


def call(office: Office, method: str, path: str, body: Any, token: dict[str, str] | None) -> Any:
    return office.get(path, token) if method == "GET" else office.post(path, token, body)


def test_every_route_is_in_the_table(office: Office) -> None:
    described = {
        (method.upper(), path.removeprefix("/api/v1").replace("{number}", "1"))
        for path, operations in office.web.openapi()["paths"].items()
        if path not in OPEN
        for method in operations
    }
    listed = {
        (method, path.partition("?")[0].replace("/tasks/1", "/tasks/{task}"))
        for method, path, *_ in ROUTES
    }
    assert listed == described


@pytest.mark.parametrize(("method", "path", "body", "scopes"), ROUTES, ids=names)
def test_only_its_scopes_open_a_route(
    office: Office, method: str, path: str, body: Any, scopes: set[Scope]
) -> None:
    office.opened(office.token(), "erasure")
    anonymous = call(office, method, path, body, None)
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "no-token")
    assert anonymous.headers["www-authenticate"] == "Bearer"
    for scope in Scope:
        answer = call(office, method, path, body, office.token(scope))
        assert (answer.status_code == 403) == (scope not in scopes), (scope, answer.text)


@pytest.mark.parametrize(("method", "path", "body", "scopes"), ROUTES, ids=names)
def test_another_controllers_request_is_not_there(
    office: Office, method: str, path: str, body: Any, scopes: set[Scope]
) -> None:
    office.opened(office.token(), "erasure", ("crowst",))
    stranger = office.token(controllers=["bangeri"])
    answer = call(office, method, path, body, stranger)
    if path == "/requests" and method == "GET":
        assert answer.json() == {"requests": [], "next": None}
    elif path == "/requests" or path.startswith("/audit"):
        assert (answer.status_code, answer.json()["code"]) == (403, "controller-missing")
    else:
        # exactly as one that there never was
        nothing = call(office, method, path.replace("/1", "/999", 1), body, stranger)
        assert answer.status_code == nothing.status_code == 404
        assert answer.json() == nothing.json()


def test_of_a_request_to_both_one_sees_its_own_part_and_decides_nothing_alone(
    office: Office,
) -> None:
    both, one = office.token(), office.token(controllers=["crowst"])
    number = office.opened(both, "erasure", ("crowst", "bangeri"))
    plan = office.known(both, number)
    shown = office.get(f"/requests/{number}", one).json()
    systems = ["crowst-crm", "crowst-mailer", "joint-webinar"]
    assert [step["system"] for step in shown["plan"]["steps"]] == systems
    assert shown["plan"]["hash"] == plan
    approval = {"plan_hash": plan}
    answer = office.post(f"/requests/{number}/approval", one, approval)
    assert (answer.status_code, answer.json()["code"]) == (403, "controller-missing")
    for path in (f"/requests/{number}?casefile=true", f"/requests/{number}/dry-run"):
        assert office.get(path, one).status_code == 403
    assert office.post(f"/requests/{number}/approval", both, approval).status_code == 200
    mine = office.get(f"/requests/{number}", one).json()
    assert {task["system"] for task in mine["tasks"]} == {*systems, "hub"}
    all_of_it = office.get(f"/requests/{number}", both).json()
    assert len(all_of_it["tasks"]) == 6
    told = {event["subject"] for event in mine["timeline"]}
    others = {f"task {t['task']}" for t in all_of_it["tasks"] if t["system"].startswith("bangeri")}
    assert not told & others
    theirs = next(t["task"] for t in all_of_it["tasks"] if t["system"] == "bangeri-crm")
    answer = office.post(f"/requests/{number}/tasks/{theirs}/link", one)
    assert answer.status_code == 404


def crossing(office: Office, token: dict[str, str]) -> tuple[int, Any]:
    """An erasure asked of one company, under way, of somebody whom the other knows only from it."""
    Crm(office.world, "crowst").add(
        EMAIL, first_name="Aino", last_name="Virtanen", projects=LIVE_PROJECT
    )
    office.world.sync()
    number = office.opened(token)
    plan = office.known(token, number)
    answer = office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    assert answer.json()["started"] is True
    Desk(office.world).work()
    return number, office.get(f"/requests/{number}", token).json()


def by_hand(shown: Any) -> list[Any]:
    return [task for task in shown["tasks"] if task["state"] == "awaiting_external"]


def test_who_may_approve_sees_what_is_done_at_another_controller(office: Office) -> None:
    one = office.token(controllers=["crowst"])
    number, shown = crossing(office, one)
    plan = shown["plan"]
    assert ("bangeri-crm", "erase") in {(step["system"], step["act"]) for step in plan["steps"]}
    assert any(task["system"] == "bangeri-crm" for task in shown["tasks"])
    assert f"request {number}" in {event["subject"] for event in shown["timeline"]}


def test_a_task_is_seen_and_done_by_those_whose_it_is(office: Office) -> None:
    asked, other = office.token(controllers=["crowst"]), office.token(controllers=["bangeri"])
    number, _ = crossing(office, asked)
    listed = office.get("/requests", other).json()["requests"]
    assert [one["number"] for one in listed] == [number]
    theirs = office.get(f"/requests/{number}", other).json()
    assert {task["system"] for task in theirs["tasks"]} == {"bangeri-crm"}
    assert (theirs["plan"], theirs["approval"]) == (None, None)
    assert not any(event["subject"] == f"request {number}" for event in theirs["timeline"])
    for path in (f"/requests/{number}?casefile=true", f"/requests/{number}/dry-run"):
        assert office.get(path, other).status_code == 403
    done = {"by": "Ville Korhonen", "statement": "Removed."}
    assert by_hand(theirs)
    for task in by_hand(theirs):
        path = f"/requests/{number}/tasks/{task['task']}"
        assert office.post(f"{path}/link", other).status_code == 201
        assert office.post(f"{path}/confirmation", other, done).status_code == 200
    left = by_hand(office.get(f"/requests/{number}", asked).json())
    assert left
    for task in left:
        path = f"/requests/{number}/tasks/{task['task']}"
        assert office.post(f"{path}/link", other).status_code == 404
        assert office.post(f"{path}/confirmation", asked, done).status_code == 200
    Desk(office.world).work()
    assert office.get(f"/requests/{number}", asked).json()["state"] == "notifying"


def test_who_decides_the_request_can_finish_every_task_of_it(office: Office) -> None:
    asked = office.token(controllers=["crowst"])
    number, shown = crossing(office, asked)
    assert any(task["system"] == "bangeri-crm" for task in by_hand(shown))
    for task in by_hand(shown):
        body = {"by": "Ville Korhonen", "statement": "Removed."}
        path = f"/requests/{number}/tasks/{task['task']}/confirmation"
        assert office.post(path, asked, body).status_code == 200
    Desk(office.world).work()
    assert office.get(f"/requests/{number}", asked).json()["state"] == "notifying"


def test_a_refused_look_is_told_of_and_keeps_nobody_waiting(office: Office) -> None:
    both, one = office.token(), office.token(controllers=["crowst"])
    number = office.opened(both, "access", ("crowst", "bangeri"))
    began = time.monotonic()
    # refused inside the transaction of the look: the entry has to wait for its end
    assert office.get(f"/requests/{number}?casefile=true", one).status_code == 403
    assert time.monotonic() - began < 20  # SQLite's patience is thirty
    told = ("token:2", "token 2", {"reason": "controller"})
    assert audited(office, Event.TOKEN_REFUSED) == [told]
    assert audited(office, Event.REQUEST_VIEWED) == []


def test_a_request_is_not_opened_for_a_controller_that_the_token_lacks(office: Office) -> None:
    one = office.token(controllers=["crowst"])
    answer = office.post("/requests", one, {**NEW, "controllers": ["crowst", "bangeri"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "controller-missing")


def test_once_the_person_means_both_acts_need_both(office: Office) -> None:
    one = office.token(controllers=["crowst"])
    number = office.opened(one)
    plan = office.known(one, number)
    answer = office.post(f"/requests/{number}/scope", one, {"controllers": ["bangeri"]})
    assert answer.status_code == 200
    assert answer.json()["plan_hash"] != plan
    answer = office.post(f"/requests/{number}/approval", one, answer.json())
    assert answer.status_code == 422  # an approval has no other fields
    plan = office.get(f"/requests/{number}", one).json()["plan"]["hash"]
    answer = office.post(f"/requests/{number}/approval", one, {"plan_hash": plan})
    assert answer.status_code == 403


def test_a_token_that_has_ended_is_refused_at_once(office: Office) -> None:
    now = office.deployment.now()
    token = office.token(name="short", expires_at=now + timedelta(days=1))
    assert office.get("/requests", token).status_code == 200
    office.world.clock.advance(86_400)
    answer = office.get("/requests", token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-refused")
    token = office.token(name="other")
    with office.deployment.database.begin() as connection:
        tokens.revoke(connection, now, "other", "cli:test")
    assert office.get("/requests", token).status_code == 401
    unknown = {"Authorization": "Bearer hub_unknown"}
    assert office.get("/requests", unknown).json() == office.get("/requests", token).json()
    assert office.get("/requests", {"Authorization": "Basic YTpi"}).status_code == 401


def audited(office: Office, event: Event) -> list[tuple[str, str, dict[str, str]]]:
    with read_only(office.deployment.database).connect() as connection:
        return [
            (one.entry.actor, one.entry.subject, dict(one.entry.detail))
            for one in audit.entries(connection)
            if one.entry.event is event
        ]


def test_refusals_are_told_once_a_minute_and_slowed_down(office: Office) -> None:
    wrong = {"Authorization": "Bearer hub_wrong"}
    codes = [office.get("/requests", wrong).status_code for _ in range(31)]
    assert codes == [401] * 30 + [429]
    assert audited(office, Event.TOKEN_REFUSED) == [("unknown", "", {"reason": "unknown"})]
    assert office.get("/requests", office.token()).status_code == 200  # a good one is not held up
    office.world.clock.advance(61)
    assert office.get("/requests", wrong).status_code == 401
    assert len(audited(office, Event.TOKEN_REFUSED)) == 2


def test_making_and_ending_a_token_is_in_the_audit_log(office: Office) -> None:
    now = office.deployment.now()
    with office.deployment.database.begin() as connection:
        secret = tokens.create(connection, now, "desk", [READ, AUDIT], ["crowst"], "cli:test")
        assert secret.startswith("hub_")
        with pytest.raises(NameTaken):
            tokens.create(connection, now, "desk", [READ], ["crowst"], "cli:test")
        found = tokens.find(connection, secret)
        assert found is not None
        assert (found.name, found.scopes) == ("desk", {"rights:read", "audit:read"})
        assert tokens.find(connection, secret + "x") is None
        for _ in range(2):
            ended = tokens.revoke(connection, now, "desk", "cli:test")
            assert ended is not None
            assert ended.refused(now) == "revoked"
        assert tokens.revoke(connection, now, "nobody", "cli:test") is None
    made = {"rights_read": "yes", "audit_read": "yes", "controllers": "crowst"}
    assert audited(office, Event.TOKEN_CREATED) == [("cli:test", "token 1", made)]
    assert audited(office, Event.TOKEN_REVOKED) == [("cli:test", "token 1", {})]


def test_the_database_does_not_hold_the_secret(office: Office, tmp_path: Any) -> None:
    token = office.token()
    assert office.get("/requests", token).status_code == 200
    secret = next(iter(office.secrets.values())).encode()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 2
    assert not any(secret in file.read_bytes() for file in files)
