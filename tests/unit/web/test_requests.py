"""Requests through the endpoint: opened, listed, looked at, decided, closed."""

from __future__ import annotations

import base64
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.accounts import Crm
from support.office import EMAIL, Office

from hub.domain.audit import Event
from hub.rights import watch
from hub.store import audit, requests
from hub.store.tokens import Scope
from hub.vault.database import read_only

SYSTEMS = ["crowst-crm", "crowst-mailer", "joint-webinar"]


def finish(office: Office, token: dict[str, str], number: int) -> None:
    """Do everything until only the notice is left."""
    for _ in range(4):
        office.work()
        shown = office.get(f"/requests/{number}", token).json()
        if shown["state"] == "notifying":
            return
        for task in shown["tasks"]:
            if task["state"] == "awaiting_external":
                body = {"by": "Ville Korhonen", "statement": "done by hand"}
                path = f"/requests/{number}/tasks/{task['task']}/confirmation"
                assert office.post(path, token, body).status_code == 200
    raise AssertionError(shown)


def test_a_request_from_receipt_to_notice(office: Office) -> None:
    token = office.token()
    number = office.opened(token, received_at="2026-11-02T09:00:00+02:00")
    plan = office.known(token, number)
    shown = office.get(f"/requests/{number}", token).json()
    assert (shown["state"], shown["identity"]) == ("planned", "known-to-handler")
    assert shown["plan"]["hash"] == plan
    assert [one["system"] for one in shown["plan"]["steps"]] == SYSTEMS
    assert shown["deadline"]["target"] == shown["deadline"]["due"] == "2026-12-02"
    assert (shown["deadline"]["days_left"], shown["deadline"]["rolled"]) == (30, False)

    answer = office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    assert answer.json()["started"] is True
    assert office.woken == SYSTEMS
    finish(office, token, number)
    body = {"how": "email", "text": "Tietosi on poistettu."}
    answer = office.post(f"/requests/{number}/notice", token, body)
    assert answer.json()["state"] == "closed"
    shown = office.get(f"/requests/{number}", token).json()
    assert not shown["open"]
    assert shown["deadline"]["days_left"] is None
    assert all(one["done"] for one in shown["tasks"])
    told = [one["event"] for one in shown["timeline"]]
    assert told[0] == "request-received"
    assert told[-1] == "request-closed"
    assert told.count("task-not-held") == 4  # nobody knows her: three tools and the hub itself


def test_a_rolled_deadline_is_told_from_its_target(office: Office) -> None:
    token = office.token()
    number = office.opened(token, received_at="2026-10-06T09:00:00+03:00")  # to Independence Day
    due = office.get(f"/requests/{number}", token).json()["deadline"]
    assert (due["target"], due["due"], due["rolled"]) == ("2026-11-06", "2026-11-06", False)
    other = office.opened(token, "access", received_at="2026-10-31T09:00:00+02:00")
    due = office.get(f"/requests/{other}", token).json()["deadline"]
    assert (due["target"], due["due"], due["rolled"]) == ("2026-11-30", "2026-11-30", False)
    third = office.opened(token, "portability", received_at="2026-10-08T09:00:00+03:00")
    due = office.get(f"/requests/{third}", token).json()["deadline"]  # 8 November is a Sunday
    assert (due["target"], due["due"], due["rolled"]) == ("2026-11-08", "2026-11-09", True)
    assert due["escalation"] == "ten-days"


def test_a_duplicate_is_answered_with_the_open_one(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    body = {"right": "erasure", "controllers": ["crowst"], "email": EMAIL.upper()}
    answer = office.post("/requests", token, body)
    assert answer.status_code == 200
    assert (answer.json()["number"], answer.json()["fresh"]) == (number, False)
    assert answer.headers["location"] == f"/api/v1/requests/{number}"
    office.post(f"/requests/{number}/withdrawal", token)
    assert office.opened(token) > number


def test_an_objection_takes_effect_at_once_without_an_identity_check(office: Office) -> None:
    token = office.token()
    answer = office.post(
        "/requests", token, {"right": "objection", "controllers": ["crowst"], "email": EMAIL}
    )
    assert answer.json()["state"] == "executing"
    assert "crowst-crm" in office.woken


def test_the_list_is_filtered_and_paged(office: Office) -> None:
    token = office.token()
    numbers = [office.opened(token, email=f"p{n}@kuviteltu.example") for n in range(5)]
    access = office.opened(token, "access", ("bangeri",))
    office.post(f"/requests/{numbers[0]}/withdrawal", token)

    def listed(query: str) -> tuple[list[int], int | None]:
        page = office.get(f"/requests?{query}", token).json()
        return [one["number"] for one in page["requests"]], page["next"]

    assert listed("limit=2") == (numbers[:2], numbers[1])
    assert listed(f"limit=3&after={numbers[1]}") == (numbers[2:5], numbers[4])
    assert listed("right=access") == ([access], None)
    assert listed("controller=bangeri") == ([access], None)
    assert listed("controller=nobody") == ([], None)
    assert listed("state=withdrawn") == ([numbers[0]], None)
    assert listed("open=true") == ([*numbers[1:], access], None)


def test_two_approvals_at_once_have_one_effect(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    plan = office.known(token, number)

    def approve(_: int) -> int:
        path = f"/requests/{number}/approval"
        return int(office.post(path, token, {"plan_hash": plan}).status_code)

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(approve, range(4)))
    assert set(codes) <= {200, 409}
    assert 200 in codes
    assert office.events(Event.REQUEST_STARTED) == 1
    assert len(office.get(f"/requests/{number}", token).json()["tasks"]) == 4


def test_another_plan_than_the_one_looked_at_is_not_approved(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    office.known(token, number)
    answer = office.post(f"/requests/{number}/approval", token, {"plan_hash": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (409, "plan-changed")
    answer = office.post(f"/requests/{number}/approval", token, {"plan_hash": "soon"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "plan_hash"


def test_what_was_taken_back_is_approved_no_more(office: Office) -> None:
    first, second = office.token(), office.token()
    number = office.opened(first)
    office.known(first, number)
    one = {"system": "crowst-crm", "category": "billing", "ground": "accounting"}
    body = {"exemptions": [{**one, "until": "2033-01-01"}], "reason": "invoices"}
    plan = office.post(f"/requests/{number}/exemptions", first, body).json()["plan_hash"]
    path, approval = f"/requests/{number}/approval", {"plan_hash": plan}
    assert office.post(path, first, approval).json()["started"] is False
    assert office.post(f"/requests/{number}/withdrawal", first).status_code == 200
    for token in (first, second):
        answer = office.post(path, token, approval)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
        assert "withdrawn" in answer.json()["detail"]


def test_an_exemption_needs_a_second_approval_by_another(office: Office) -> None:
    first, second = office.token(), office.token()
    number = office.opened(first)
    office.known(first, number)
    body = {
        "exemptions": [
            {"system": "crowst-crm", "category": "billing", "ground": "accounting"},
        ],
        "reason": "invoices",
    }
    answer = office.post(f"/requests/{number}/exemptions", first, body)
    assert answer.json()["errors"][0]["field"] == "exemptions.0.until"
    for past in ("2020-01-01", "2026-11-02"):  # the first day on which it holds no more
        body["exemptions"][0]["until"] = past  # type: ignore[index]  # a list of objects
        answer = office.post(f"/requests/{number}/exemptions", first, body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "exemptions.0.until"
    body["exemptions"][0]["until"] = "2033-01-01"  # type: ignore[index]  # a list of objects
    plan = office.post(f"/requests/{number}/exemptions", first, body).json()["plan_hash"]
    shown = office.get(f"/requests/{number}", first).json()["plan"]
    assert shown["needs_second"]
    assert shown["exemptions"][0]["law"].startswith("Accounting Act")
    path, approval = f"/requests/{number}/approval", {"plan_hash": plan}
    assert office.post(path, first, approval).json()["started"] is False
    again = office.post(path, first, approval)
    assert (again.status_code, again.json()["code"]) == (409, "second-approver")
    assert office.post(path, second, approval).json()["started"] is True
    tasks = office.get(f"/requests/{number}", first).json()["tasks"]
    kept = next(one for one in tasks if one["state"] == "exempt")
    assert kept["exemption"]["until"] == "2033-01-01"


def test_a_refusal_ends_once_the_person_was_told(office: Office) -> None:
    token = office.token()
    number = office.opened(token, "access")
    at, body = f"/requests/{number}", {"ground": "excessive", "reason": "the fourth"}
    plan = office.known(token, number)
    assert office.post(f"{at}/refusal", token, body).json()["state"] == "notifying"
    for path, wrong in (
        ("approval", {"plan_hash": plan}),
        ("refusal", body),
        ("extension", {"reason": "complex", "explanation": "many systems"}),
    ):
        answer = office.post(f"{at}/{path}", token, wrong)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state"), path
    assert office.get(f"{at}/package", token).json()["code"] == "not-gathered"
    office.world.clock.advance(25 * 86_400)
    watch.escalate(office.deployment)
    shown = office.get(at, token).json()
    assert (shown["open"], shown["reason"]) == (True, "excessive")
    assert shown["deadline"]["escalation"] != "none"
    assert "request-escalated" in [one["event"] for one in shown["timeline"]]
    notice = {"how": "letter", "text": "Perustelut, valitus ja muutoksenhaku."}
    assert office.post(f"{at}/notice", token, notice).json()["state"] == "refused"
    shown = office.get(f"{at}?casefile=true", token).json()
    assert not shown["open"]
    assert shown["casefile"]["notices"][0]["how"] == "letter"
    assert [one["event"] for one in shown["timeline"]][-2:] == [
        "request-closed",
        "request-viewed",
    ]


def test_one_of_whom_nothing_is_known_is_refused_too(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    body = {"ground": "unfounded", "reason": "not a person"}
    assert office.post(f"/requests/{number}/refusal", token, body).json()["state"] == "notifying"
    notice = {"how": "email", "text": "Perustelut."}
    answer = office.post(f"/requests/{number}/notice", token, notice)
    assert answer.json()["state"] == "refused"


def test_an_exemption_that_does_not_fit_is_refused(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    office.known(token, number)
    path = f"/requests/{number}/exemptions"
    one = {"system": "crowst-crm", "category": "billing", "ground": "others_rights"}
    answer = office.post(path, token, {"exemptions": [one], "reason": "no"})
    assert (answer.status_code, answer.json()["code"]) == (409, "ground-does-not-fit")
    for day in ("2026-11-02", "9999-12-31"):
        kept = {**one, "ground": "accounting", "until": day}
        answer = office.post(path, token, {"exemptions": [kept], "reason": "no"})
        assert answer.json()["errors"][0]["field"] == "exemptions.0.until", day
    one = {"system": "bangeri-crm", "category": "billing", "ground": "excessive"}
    answer = office.post(path, token, {"exemptions": [one], "reason": "no"})
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown-system")
    one = {"system": "aino-virtanen", "category": "billing", "ground": "excessive"}
    answer = office.post(path, token, {"exemptions": [one], "reason": "no"})
    assert answer.json()["errors"][0]["field"] == "exemptions.0.system"
    assert "aino" not in answer.text
    one["ground"] = "because"
    answer = office.post(path, token, {"exemptions": [one], "reason": "no"})
    assert answer.json()["errors"][0]["field"] == "exemptions.0.ground"


def test_identity_by_a_code(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    made = office.post(f"/requests/{number}/identity/code", token)
    assert made.status_code == 201
    path = f"/requests/{number}/identity/code/answer"
    wrong = office.post(path, token, {"code": "AAAAAAAA"})
    assert (wrong.status_code, wrong.json()["enough"]) == (200, False)
    right = office.post(path, token, {"code": made.json()["code"].lower()}).json()
    assert (right["enough"], right["state"]) == (True, "planned")
    again = office.post(path, token, {"code": made.json()["code"]})
    assert (again.status_code, again.json()["code"]) == (409, "no-code")


def test_a_message_without_a_signature_is_kept_and_not_enough(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    raw = f"From: {EMAIL}\r\nSubject: pyyntö\r\n\r\nPoistakaa tietoni.\r\n".encode()
    body = {"how": "message", "message": base64.b64encode(raw).decode()}
    answer = office.post(f"/requests/{number}/identity", token, body).json()
    assert (answer["enough"], answer["state"]) == (False, "identity_pending")
    case = office.get(f"/requests/{number}?casefile=true", token).json()["casefile"]
    assert case["evidence"][0]["kind"] == "message"
    answer = office.post(f"/requests/{number}/identity", token, {"how": "message", "message": "?"})
    assert answer.status_code == 422


@pytest.mark.parametrize("raw", [b"\xd3M4", b"From", b"From: =?x-none?b?AA==?=\r\n\r\n"])
def test_a_message_that_is_none_is_not_enough(office: Office, raw: bytes) -> None:
    token = office.token()
    number = office.opened(token)
    body = {"how": "message", "message": base64.b64encode(raw).decode()}
    answer = office.post(f"/requests/{number}/identity", token, body)
    assert (answer.status_code, answer.json()["enough"]) == (200, False)


def test_a_doubt_stops_the_clock(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    body = {"how": "doubt", "note": "not on record"}
    answer = office.post(f"/requests/{number}/identity", token, body)
    assert (answer.json()["enough"], answer.json()["state"]) == (False, "identity_pending")
    due = office.get(f"/requests/{number}", token).json()["deadline"]
    assert (due["paused"], due["days_left"], due["due"]) == (True, None, None)


def test_scope_hold_release_extension_notes_refusal_withdrawal_retry(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    at = f"/requests/{number}"
    answer = office.post(f"{at}/scope", token, {"controllers": ["bangeri"]})
    assert answer.status_code == 200
    shown = office.get(at, token).json()
    assert (shown["controllers"], shown["also"]) == (["crowst"], ["bangeri"])
    answer = office.post(f"{at}/scope", token, {"controllers": ["acme"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "controllers")
    assert office.post(f"{at}/hold", token, {"reason": "a dispute"}).json()["on_hold"] is True
    plan = office.known(token, number)
    answer = office.post(f"{at}/approval", token, {"plan_hash": plan})
    assert (answer.status_code, answer.json()["code"]) == (409, "on-hold")
    assert office.post(f"{at}/release", token).json()["on_hold"] is False
    body = {"reason": "complex", "explanation": "many systems"}
    answer = office.post(f"{at}/extension", token, body).json()
    assert (answer["deadline"]["extended"], answer["deadline"]["due"]) == (True, "2027-02-02")
    answer = office.post(f"{at}/extension", token, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "extended")
    assert office.post(f"{at}/notes", token, {"text": "called"}).status_code == 200
    assert office.post(f"{at}/retry", token).json()["code"] == "wrong-state"
    office.post(
        f"{at}/approval", token, {"plan_hash": office.get(at, token).json()["plan"]["hash"]}
    )
    assert "crowst-crm" in office.post(f"{at}/retry", token).json()["systems"]
    answer = office.post(f"{at}/withdrawal", token)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")  # half erased
    answer = office.post(f"{at}/notice", token, {"how": "email", "text": "too early"})
    assert answer.status_code == 409

    other = office.opened(token, "access")
    body = {"ground": "excessive", "reason": "the fourth"}
    assert office.post(f"/requests/{other}/refusal", token, body).json()["state"] == "notifying"
    third = office.opened(token, "portability")
    assert office.post(f"/requests/{third}/withdrawal", token).json()["state"] == "withdrawn"


def test_the_case_file_is_shown_when_asked_for_and_the_look_is_logged(office: Office) -> None:
    token = office.token()
    number = office.opened(token, name="Aino Virtanen", message="Poistakaa tietoni.")
    shown = office.get(f"/requests/{number}", token)
    assert shown.json()["casefile"] is None
    assert EMAIL not in shown.text
    assert "Aino" not in shown.text
    assert office.events(Event.REQUEST_VIEWED) == 0
    case = office.get(f"/requests/{number}?casefile=true", token).json()["casefile"]
    assert (case["email"], case["name"]) == (EMAIL, "Aino Virtanen")
    assert office.events(Event.REQUEST_VIEWED) == 1
    reader = office.token(Scope.READ)
    assert office.get(f"/requests/{number}?casefile=true", reader).status_code == 403
    assert office.events(Event.REQUEST_VIEWED) == 1


def test_a_dry_run_of_an_objection_asks_nobody_who_cannot_locate(office: Office) -> None:
    token = office.token()
    number = office.opened(token, "objection")
    shown = office.get(f"/requests/{number}/dry-run", token).json()["systems"]
    assert {(one["act"], one["problem"]) for one in shown} == {("refuse", "")}


def test_a_dry_run_shows_what_would_be_done_and_writes_nothing(office: Office) -> None:
    token = office.token()
    number = office.opened(token)
    with read_only(office.deployment.database).connect() as connection:
        head, row = audit.head(connection), requests.get(connection, number)
    shown = office.get(f"/requests/{number}/dry-run", token).json()
    assert {one["system"] for one in shown["systems"]} == set(SYSTEMS)
    with read_only(office.deployment.database).connect() as connection:
        assert requests.get(connection, number) == row
        (looked,) = audit.page(connection, head.seq, 9)  # but that it was looked
    assert looked.entry.event == "request-dry-run"
    assert all(count == 0 for count in office.world.writes().values())


@pytest.mark.parametrize("right", ["access", "portability", "information"])
def test_the_package_of_an_answer(office: Office, right: str) -> None:
    token = office.token()
    number = office.opened(token, right)
    answer = office.get(f"/requests/{number}/package", token)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-gathered")
    plan = office.known(token, number)
    office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    assert office.get(f"/requests/{number}/package", token).json()["complete"] is False
    finish(office, token, number)
    answer = office.get(f"/requests/{number}/package", token).json()
    assert answer["complete"] is True
    if right != "portability":
        assert answer["package"]["controllers"][0]["name"] == "Crowst Oy"
        assert set(answer["package"]["systems"]) == set(SYSTEMS)
    else:  # nobody agreed to anything here
        assert answer["package"]["not_portable"] == "no consent or contract"
    answer = office.get(f"/requests/{number}/package?format=zip", token)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert "data.json" in file.namelist()
    assert office.events(Event.PACKAGE_FETCHED) == 3
    erasure = office.opened(token)
    answer = office.get(f"/requests/{erasure}/package", token)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-package")


def test_an_archived_request_is_shown_and_changed_no_more(office: Office) -> None:
    token = office.token()
    number = office.opened(token, "access")
    office.post(f"/requests/{number}/withdrawal", token)
    office.world.clock.advance(4 * 366 * 86_400)
    from hub.rights import watch

    watch.archive(office.deployment)
    token = office.token()
    assert office.get(f"/requests/{number}", token).json()["state"] == "archived"
    for path, body in (("notes", {"text": "x"}), ("withdrawal", None), ("hold", {"reason": "x"})):
        answer = office.post(f"/requests/{number}/{path}", token, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "archived")
    answer = office.get(f"/requests/{number}?casefile=true", token)
    assert (answer.status_code, answer.json()["code"]) == (409, "archived")


def test_a_restriction_is_lifted_once_the_person_was_told(office: Office) -> None:
    token = office.token()
    Crm(office.world, "crowst").add("rauni@posti.example", first_name="Rauni")
    office.world.sync()
    number = office.opened(token, right="restriction", email="rauni@posti.example")
    plan = office.known(token, number)
    office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
    finish(office, token, number)
    told = {"how": "letter", "text": "Rajoitus päättyy."}
    early = office.post(f"/requests/{number}/lifting", token, told)
    assert (early.status_code, early.json()["code"]) == (409, "wrong-state")
    office.post(f"/requests/{number}/notice", token, told)
    office.woken.clear()
    answer = office.post(f"/requests/{number}/lifting", token, told)
    assert answer.status_code == 200, answer.json()
    systems = answer.json()["systems"]
    assert systems == office.woken == ["crowst-crm"]
    again = office.post(f"/requests/{number}/lifting", token, told)
    assert again.json()["systems"] == []  # it stands: nothing is lifted twice
    events = [one["event"] for one in office.get(f"/requests/{number}", token).json()["timeline"]]
    assert events.count("restriction-lifted") == 1
