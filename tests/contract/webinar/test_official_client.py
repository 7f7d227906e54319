"""zoomus over the sandbox: a stand-in that only our client understands fails."""

from __future__ import annotations

from typing import Any

import pytest
from requests import Response
from support.vendor import by_email
from zoomus import ZoomClient  # type: ignore[import-untyped]  # it ships no types
from zoomus.util import encode_uuid  # type: ignore[import-untyped]  # it ships no types

from hub.testing.factories import write, yes
from plugins.webinar.sandbox_webinar import uuid_of
from tests.contract.webinar.conftest import (
    AINO,
    BERTTA,
    CROWST,
    MANUAL,
    SCOPE,
    SECRET,
    TEAM,
    WEBINAR,
    World,
)


def ok(response: Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def refused(response: Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


def register(witness: ZoomClient, email: str = AINO, **more: Any) -> Any:
    names = {"first_name": "Aino", "last_name": "Esimerkki"}
    return ok(witness.webinar.register(id=WEBINAR, email=email, **names, **more), 201)


def test_the_account(witness: ZoomClient) -> None:
    assert ok(witness.user.me())["email"] == "webinaarit@crowst.example"
    listed = ok(witness.webinar.list(user_id="me"))
    assert [one["id"] for one in listed["webinars"]] == [WEBINAR, MANUAL]
    assert ok(witness.webinar.get(id=MANUAL))["settings"]["approval_type"] == 1
    assert refused(witness.webinar.get(id=5)) == (404, 3001)
    assert refused(witness.user.get(id="kukaan")) == (404, 1001)


def test_a_wrong_secret_gets_no_token(world: World) -> None:
    for secret, account in (("väärä".encode().hex(), "acc"), (SECRET, "another")):
        client = ZoomClient(
            "hub",
            secret,
            api_account_id=account,
            base_uri=world.url + "/v2",
            oauth_uri=world.url + "/oauth/token",
        )
        assert client.config["token"] is None
        assert refused(client.webinar.list(user_id="me")) == (401, 124)


def test_a_token_lasts_an_hour(witness: ZoomClient, world: World) -> None:
    world.clock.advance(3599)
    ok(witness.user.me())
    world.clock.advance(1)
    assert refused(witness.user.me()) == (401, 124)
    witness.refresh_token()
    ok(witness.user.me())


def test_a_missing_scope_is_named(witness: ZoomClient, world: World) -> None:
    world.sandbox.access.apps[0].scopes = ("webinar:read:webinar:admin",)
    ok(witness.webinar.get(id=WEBINAR))
    response = witness.webinar.get_registrants(id=WEBINAR)
    assert refused(response) == (400, 4711)
    assert "webinar:read:list_registrants:admin" in response.json()["message"]


def test_what_it_registers_our_connector_reads(witness: ZoomClient, world: World) -> None:
    custom = [{"title": CROWST, "value": "Kyllä"}, {"title": TEAM, "value": "Ystävältä"}]
    made = register(witness, org="Kuviteltu Oy", custom_questions=custom)
    record = by_email(world.open().read("registrants", SCOPE, None))[AINO]
    assert record.ref.id == made["registrant_id"]
    assert record.fields["org"] == "Kuviteltu Oy"
    assert record.fields[TEAM] == "Ystävältä"
    assert next((one.topic, one.stance) for one in record.consents) == (CROWST, "yes")


def test_what_our_connector_registers_it_reads(witness: ZoomClient, world: World) -> None:
    fields = {"email": AINO, "first_name": "Aino", "org": "Kuviteltu Oy"}
    (result,) = world.open().write(
        "registrants", [write(fields=fields, scope=SCOPE, consents=[yes(CROWST)])]
    )
    assert result.record is not None
    (row,) = ok(witness.webinar.get_registrants(id=WEBINAR))["registrants"]
    assert (row["id"], row["org"], row["status"]) == (
        result.record.ref.id,
        "Kuviteltu Oy",
        "approved",
    )
    assert {"title": CROWST, "value": "Kyllä"} in row["custom_questions"]


def test_registering_is_checked(witness: ZoomClient, world: World) -> None:
    names = {"first_name": "Aino", "last_name": "Esimerkki"}

    def tried(webinar: int = WEBINAR, email: str = AINO, **more: Any) -> tuple[int, int]:
        return refused(witness.webinar.register(id=webinar, **{"email": email, **names, **more}))

    assert tried(email="ei-osoite") == (400, 300)
    assert tried(first_name="") == (400, 300)
    assert tried(custom_questions=[{"title": CROWST, "value": "Ehkä"}]) == (400, 300)
    assert tried(custom_questions=[{"title": "Ei kysytty", "value": "x"}]) == (400, 300)
    assert tried(webinar=MANUAL) == (400, 300), "org is required there"
    assert tried(webinar=5) == (404, 3001)
    assert world.webinar.registrants == {}
    world.sandbox.hold(WEBINAR)
    world.clock.advance(30 * 86400)
    witness.refresh_token()
    assert tried() == (400, 3038)


def test_a_full_webinar_takes_nobody_more(witness: ZoomClient, world: World) -> None:
    for name in ("yksi", "kaksi"):
        world.sandbox.register(MANUAL, f"{name}@kuviteltu.example", org="Oy")
        world.sandbox.approve(MANUAL, f"{name}@kuviteltu.example")
    names = {"first_name": "Aino", "last_name": "Esimerkki", "org": "Oy"}
    response = witness.webinar.register(id=MANUAL, email=AINO, **names)
    assert refused(response) == (400, 3035)


def test_registering_again_answers_the_same_registrant(witness: ZoomClient, world: World) -> None:
    first = register(witness, org="Vanha Oy")
    again = register(witness, org="Uusi Oy")
    assert again["registrant_id"] == first["registrant_id"]
    assert world.webinar.find(AINO).values["org"] == "Uusi Oy", "the worse that Zoom may do"


def test_a_registrant_registers_three_times_a_day(witness: ZoomClient, world: World) -> None:
    for _ in range(3):
        register(witness)
    names = {"first_name": "Aino", "last_name": "Esimerkki"}
    response = witness.webinar.register(id=WEBINAR, email=AINO, **names)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2026-11-03T00:00:00Z"
    assert response.headers["X-RateLimit-Type"] == "Daily-limit"
    register(witness, BERTTA)
    world.clock.advance(86400)
    witness.refresh_token()
    register(witness)


def test_statuses_are_listed_one_at_a_time(witness: ZoomClient, world: World) -> None:
    for name in ("aino", "bertta", "cecilia"):
        world.sandbox.register(MANUAL, f"{name}@kuviteltu.example", org="Oy")
    world.sandbox.approve(MANUAL, AINO)
    world.sandbox.deny(MANUAL, BERTTA)

    def listed(**query: str) -> list[str]:
        body = ok(witness.webinar.get_registrants(id=MANUAL, **query))
        return [row["email"].partition("@")[0] for row in body["registrants"]]

    assert listed() == ["aino"], "approved unless asked otherwise"
    assert (listed(status="denied"), listed(status="pending")) == (["bertta"], ["cecilia"])
    world.sandbox.cancel(MANUAL, AINO)
    assert set(listed(status="denied")) == {"aino", "bertta"}, "a cancelled one is a denied one"
    assert refused(witness.webinar.get_registrants(id=MANUAL, status="x")) == (400, 300)


def test_lists_are_paged_by_tokens_of_fifteen_minutes(witness: ZoomClient, world: World) -> None:
    world.seed(*({"email": f"henkilo{n}@kuviteltu.example"} for n in range(35)))
    first = ok(witness.webinar.get_registrants(id=WEBINAR))
    assert (len(first["registrants"]), first["total_records"], first["page_count"]) == (30, 35, 2)
    token = first["next_page_token"]
    second = ok(witness.webinar.get_registrants(id=WEBINAR, next_page_token=token))
    assert (len(second["registrants"]), second["next_page_token"]) == (5, "")
    other = witness.webinar.get_registrants(id=MANUAL, next_page_token=token)
    assert refused(other) == (400, 300), "a token is of one list"
    world.clock.advance(15 * 60)
    late = witness.webinar.get_registrants(id=WEBINAR, next_page_token=token)
    assert refused(late) == (400, 300)
    assert refused(witness.webinar.get_registrants(id=WEBINAR, page_size=301)) == (400, 300)


def test_reports_of_a_webinar_that_was_held(witness: ZoomClient, world: World) -> None:
    for email in (AINO, BERTTA):
        world.sandbox.register(WEBINAR, email)
    assert refused(witness.report.get_webinar_participants_report(id=WEBINAR)) == (404, 3001)
    world.clock.advance(20 * 86400)
    witness.refresh_token()
    world.sandbox.hold(WEBINAR, attended=[AINO, {"name": "Vieras", "guest": True}])
    body = ok(witness.report.get_webinar_participants_report(id=WEBINAR))
    assert [row["user_email"] for row in body["participants"]] == [AINO, ""]
    assert "registrant_id" not in body["participants"][0], "only where it is asked for"
    asked = {"include_fields": "registrant_id"}
    body = ok(witness.report.get_webinar_participants_report(id=WEBINAR, **asked))
    assert body["participants"][0]["registrant_id"] == world.id_of(AINO)
    (absent,) = ok(witness.webinar.get_absentees(id=WEBINAR))["registrants"]
    assert absent["email"] == BERTTA


@pytest.mark.parametrize("n", [0, 1, 2])
def test_an_instance_is_named_by_its_uuid(witness: ZoomClient, world: World, n: int) -> None:
    uuid = uuid_of(WEBINAR, n)
    world.sandbox.register(WEBINAR, AINO)
    world.clock.advance(20 * 86400)
    witness.refresh_token()
    world.sandbox.hold(WEBINAR, attended=[AINO], uuid=uuid)
    world.sandbox.hold(WEBINAR, attended=[])
    report = witness.report.get_webinar_participants_report
    assert len(ok(report(id=encode_uuid(uuid)))["participants"]) == 1
    if "/" in uuid:
        assert refused(report(id=uuid))[0] == 404, "a slash must be encoded twice"
