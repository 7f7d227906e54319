"""What stands before every route, and errors: sizes, hosts, kinds, secrecy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.asgi import InAsgi, client_of
from support.office import EMAIL, Office

from hub.rights import decide
from hub.web import guard
from hub.web.guard import LONGEST_BODY, Guard

NEW = {"right": "erasure", "controllers": ["crowst"], "email": EMAIL}


def wrong_fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", 422, "invalid")
    return [one["field"] for one in problem["errors"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"right": "oblivion"}, "right"),
        ({"right": None}, "right"),
        ({"controllers": []}, "controllers"),
        ({"controllers": ["acme"]}, "controllers"),
        ({"controllers": "crowst"}, "controllers"),
        ({"email": "aino.virtanen"}, "email"),
        ({"email": "a@b@kuviteltu.example"}, "email"),
        ({"email": "aino@kuviteltu.example\u0000"}, "email"),
        ({"received_at": "2026-11-03T10:00:00Z"}, "received_at"),
        ({"received_at": "2026-11-02T10:00:00"}, "received_at"),
        ({"received_at": "2017-11-02T10:00:00Z"}, "received_at"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"received_at": "9999-12-31T23:59:59-12:00"}, "received_at"),
        ({"phone": "call me"}, "phone"),
        ({"language": "de"}, "language"),
        ({"also_known_as": ["nobody"]}, "also_known_as"),
        ({"corrections": {"last_name": "Laine"}}, "corrections"),
        ({"right": "rectification"}, "corrections"),
        ({"right": "rectification", "corrections": {"shoe": "size44"}}, "corrections.shoe"),
        ({"right": "rectification", "corrections": {"email": "nobody"}}, "corrections.email"),
        (
            {"right": "rectification", "corrections": {"aino@kuviteltu.example": "x"}},
            "corrections.(unnamed)",
        ),
        ({"purposes": ["lottery"]}, "purposes"),
        ({"adress": "Helsinki"}, "adress"),
        ({"aino.virtanen@kuviteltu.example": "x"}, "(unnamed)"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    office: Office, logged: Callable[[], str], change: dict[str, Any], field: str
) -> None:
    token = office.token()
    answer = office.post("/requests", token, {**NEW, **change})
    assert wrong_fields(answer) == [field]
    for text in (answer.text, logged()):
        for value in (EMAIL, "aino", "Laine", "oblivion", "nobody", "call me", "lottery", "size44"):
            assert value not in text
    assert office.get("/requests", token).json()["requests"] == []


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        ({"note": "called back"}, "how"),
        ({"how": "one-time-code", "note": "called back"}, "how"),
        ({"how": "known-to-handler"}, "note"),
        ({"how": "mandate", "note": " "}, "note"),
        ({"how": "doubt", "note": "who?", "paper": "x"}, "paper"),
        ({"how": "message", "message": "?"}, "message"),
    ],
)
def test_a_wrong_field_of_evidence_is_named(
    office: Office, evidence: dict[str, str], field: str
) -> None:
    token = office.token()
    number = office.opened(token)
    answer = office.post(f"/requests/{number}/identity", token, evidence)
    assert set(wrong_fields(answer)) == {field}


def test_every_wrong_field_is_named(office: Office) -> None:
    body = {"right": "x", "controllers": ["crowst"], "email": "", "colour": "red"}
    assert wrong_fields(office.post("/requests", office.token(), body)) == [
        "right",
        "email",
        "colour",
    ]


def test_an_unknown_parameter_is_named(office: Office) -> None:
    token = office.token()
    assert wrong_fields(office.get("/requests?limt=3", token)) == ["limt"]
    assert wrong_fields(office.get(f"/requests?{EMAIL}=1", token)) == ["(unnamed)"]
    assert wrong_fields(office.post("/requests?dry=1", token, NEW)) == ["dry"]
    assert wrong_fields(office.get("/requests?limit=0", token)) == ["limit"]


def test_what_is_no_json_is_told_so(office: Office) -> None:
    headers = {**office.token(), "Content-Type": "application/json"}
    for content in (b"{", b"[1]", b'"text"', b"null", b"\xff", b"{" * 5000):
        answer = office.client.post("/api/v1/requests", headers=headers, content=content)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    answer = office.client.post("/api/v1/requests", headers=headers)
    assert wrong_fields(answer) == ["body"]


def test_another_kind_of_body_is_refused(office: Office) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        headers = {**office.token(), "Content-Type": kind}
        answer = office.client.post("/api/v1/requests", headers=headers, content=b"right=erasure")
        assert (answer.status_code, answer.json()["code"]) == (415, "not-json")


def test_unknown_paths_numbers_and_methods(office: Office) -> None:
    token = office.token()
    for path in ("/", "/api/v1", "/api/v1/persons", "/docs", "/redoc", "/api/v1/requests/"):
        answer = office.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), path
    for number in ("0", "-1", "x", "1.5", "9" * 30):
        assert office.get(f"/requests/{number}", token).status_code == 422
    answer = office.client.delete("/api/v1/requests/1", headers=token)
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    assert office.client.options("/api/v1/requests").status_code == 405  # no CORS
    headers = {**token, "Origin": "https://elsewhere.example"}
    answer = office.get("/requests", headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8443", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:9", 200),
        ("[::1]:8443", 200),
        ("hub.example", 200),
        ("hub.example:8443", 200),
        ("evil.example", 400),
        ("hub.example.evil.example", 400),
        ("", 400),
    ],
)
def test_only_our_own_hosts_are_answered(office: Office, host: str, status: int) -> None:
    answer = office.client.get("/api/v1/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "host"


def test_every_answer_has_the_headers(office: Office) -> None:
    token = office.token()
    for answer in (
        office.get("/health"),
        office.get("/nowhere"),
        office.get("/requests", token),
        office.post("/requests", token, {}),
        office.client.get("/api/v1/health", headers={"Host": "evil.example"}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers


def test_a_body_has_a_longest_length(office: Office) -> None:
    headers = {**office.token(), "Content-Type": "application/json"}
    body = json.dumps({"text": "x" * LONGEST_BODY}).encode()
    answer = office.client.post("/api/v1/requests/1/notes", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    # without a length it is counted as it comes
    answer = office.client.post("/api/v1/requests/1/notes", headers=headers, content=iter([body]))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    answer = office.client.get("/api/v1/health", headers={"Content-Length": "many"})
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    async def unreached(*_: Any) -> None:
        raise AssertionError

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/requests",
        "headers": [(b"host", b"localhost")],
    }
    asyncio.run(Guard(unreached)(scope, never, send))
    assert sent[0]["status"] == 408


def test_a_fault_of_ours_tells_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    token = office.token()
    number = office.opened(token)

    def fault(*_: Any) -> None:
        raise RuntimeError(f"row of {EMAIL}")

    monkeypatch.setattr(decide, "note", fault)
    answer = office.post(f"/requests/{number}/notes", token, {"text": "private words"}, key="k")
    assert answer.status_code == 500
    assert answer.json()["code"] == "fault"
    told = logged()
    assert "RuntimeError" in told
    assert "/requests/{number}/notes" in told
    for private in (EMAIL, "private words"):
        assert private not in told
    assert "RuntimeError" not in answer.text
    assert EMAIL not in answer.text
    monkeypatch.undo()
    answer = office.post(f"/requests/{number}/notes", token, {"text": "private words"}, key="k")
    assert answer.status_code == 200  # the key was given back


def test_a_wake_that_fails_is_no_failure_of_the_act(office: Office) -> None:
    from hub.web.api import app

    def broken(_: Any) -> None:
        raise OSError("the engine has stopped")

    with client_of(app(office, broken)) as client:
        headers = office.token()
        answer = client.post(
            "/api/v1/requests", headers=headers, json={**NEW, "right": "objection"}
        )
        assert answer.status_code == 201


def test_the_log_has_patterns_of_routes_and_no_more(
    office: Office, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    token = office.token()
    number = office.opened(token, name="Aino Virtanen", message="Poistakaa!", phone="+358401234567")
    office.known(token, number)
    office.get(f"/requests?controller={EMAIL}", token)
    office.get("/confirmations/secretsecretsecretsecretsecret12")
    office.post(f"/requests/{number}/notes", token, {"text": "private words"}, key="keykeykey")
    out = capsys.readouterr().out
    assert "/confirmations/{link}" in out
    assert "/requests/{number}/notes" in out
    assert "token:1" in out
    secret = next(iter(office.secrets.values()))
    private = ("Aino", "Poistakaa", "401234567", "secretsecret", "private words", "keykeykey")
    for told in (EMAIL, secret, *private):
        assert told not in out


def test_a_foreign_method_is_not_written_to_the_log(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert office.client.request("X-AINO", "/api/v1/health").status_code == 405
    assert "AINO" not in capsys.readouterr().out


def test_callers_are_told_apart(office: Office) -> None:
    assert isinstance(office.client._transport, InAsgi)
    wrong = {"Authorization": "Bearer hub_wrong"}
    for _ in range(30):
        office.get("/requests", wrong)
    assert office.get("/requests", wrong).status_code == 429
    with client_of(office.web, "127.0.0.2") as elsewhere:
        assert elsewhere.get("/api/v1/requests", headers=wrong).status_code == 401


def test_the_audit_log_is_read_in_pages_and_verified(office: Office) -> None:
    token = office.token()
    office.known(token, office.opened(token))
    page = office.get("/audit?limit=3", token).json()
    assert [one["seq"] for one in page["entries"]] == [1, 2, 3]
    rest = office.get(f"/audit?after={page['next']}", token).json()
    assert rest["next"] is None
    head = office.get("/audit/head", token).json()
    assert rest["entries"][-1]["seq"] == head["seq"]
    whole = office.get("/audit/verify", token).json()
    assert (whole["holds"], whole["fault"], whole["head"]) == (True, None, head)
    known = f"/audit/verify?seq={head['seq']}&hash="
    assert office.get(known + head["hash"], token).json()["holds"] is True
    found = office.get(known + "0" * 64, token).json()
    assert (found["holds"], found["fault"]) == (False, "rewritten")
    cut = office.get(f"/audit/verify?seq=99&hash={head['hash']}", token).json()
    assert (cut["holds"], cut["fault"]) == (False, "truncated")
    assert wrong_fields(office.get("/audit/verify?seq=1", token)) == ["hash"]


def test_an_edited_entry_is_found(office: Office) -> None:
    from hub.store.audit import audit

    token = office.token()
    office.opened(token)
    with office.deployment.database.begin() as connection:
        connection.execute(audit.update().where(audit.c.seq == 2).values(actor="token:9"))
    found = office.get("/audit/verify", token).json()
    assert (found["holds"], found["fault"], found["seq"]) == (False, "edited", 2)
    with office.deployment.database.begin() as connection:
        connection.execute(audit.update().where(audit.c.seq == 2).values(actor=EMAIL))
    answer = office.get("/audit/verify", token)
    assert answer.json()["holds"] is False
    assert EMAIL not in answer.text
    for path in ("/audit", "/requests/1"):
        answer = office.get(path, token)
        assert (answer.status_code, answer.json()["code"]) == (409, "log-broken")
        assert EMAIL not in answer.text


def test_the_description_says_what_is_there(office: Office) -> None:
    described = office.client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    text = json.dumps(described)
    assert "HTTPValidationError" not in text
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"], path
            for status, response in operation["responses"].items():
                kinds = set(response.get("content", {}))
                assert (kinds == {"application/problem+json"}) == (status >= "400"), path
    for name, schema in described["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, one in schema.get("properties", {}).items():
            assert one.get("description"), f"{name}.{field}"
    addresses = {word.strip('",') for word in text.split() if "@" in word}
    assert all(".example" in one for one in addresses), addresses
