"""The vendor's own client over the sandbox: a stand-in that only our client understands fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mailchimp_marketing import Client  # type: ignore[import-untyped]  # it ships no types
from mailchimp_marketing.api_client import ApiClientError  # type: ignore[import-untyped]  # it ships no types
from support.vendor import by_email

from hub.testing.factories import write, yes
from tests.contract.mailer.conftest import CONFIRMED, KEY, LIST, PERMISSION, World

AINO = "aino.mäkelä@posti.example"


def problem(error: pytest.ExceptionInfo[ApiClientError]) -> dict[str, Any]:
    text = error.value.text
    found = json.loads(text) if isinstance(text, str) else text
    assert isinstance(found, dict)
    return found


def add(chimp: Client, email: str, status: str = "subscribed", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = chimp.lists.add_list_member(
        LIST, {"email_address": email, "status": status, **more}
    )
    return made


def test_the_account(chimp: Client) -> None:
    assert chimp.ping.get() == {"health_status": "Everything's Chimpy!"}
    assert chimp.root.get_root()["account_name"] == "Sandbox"
    assert [one["id"] for one in chimp.lists.get_all_lists()["lists"]] == [LIST, CONFIRMED]
    assert chimp.lists.get_list(CONFIRMED)["double_optin"] is True
    tags = [one["tag"] for one in chimp.lists.get_list_merge_fields(LIST)["merge_fields"]]
    assert tags == ["FNAME", "LNAME", "AGE"]


def test_a_wrong_key_is_401(chimp: Client) -> None:
    chimp.set_config({"api_key": "wrong-us21"})
    with pytest.raises(ApiClientError) as error:
        chimp.lists.get_all_lists()
    assert (error.value.status_code, problem(error)["title"]) == (401, "API Key Invalid")


def test_a_bearer_token_is_taken_too(world: World) -> None:
    client = Client()
    client.set_config({"access_token": KEY, "server": "us21"})
    client.api_client.host = world.url + "/3.0"
    assert client.ping.get()["health_status"]


def test_what_it_adds_our_connector_reads(chimp: Client, world: World) -> None:
    made = add(
        chimp,
        AINO,
        merge_fields={"FNAME": "Aino", "NOSUCH": "x"},
        tags=["VIP", "syksy"],
        language="fi",
        marketing_permissions=[{"marketing_permission_id": PERMISSION, "enabled": True}],
    )
    assert "NOSUCH" not in made["merge_fields"], "unknown tags are dropped without a word"
    record = by_email(world.open().read("members", LIST, None))[AINO]
    assert record.ref.id == made["contact_id"] != made["id"]
    assert record.fields == {
        "email_address": AINO,
        "FNAME": "Aino",
        "LNAME": None,
        "tags": ("VIP", "syksy"),
        "language": "fi",
    }
    stances = {consent.topic: consent.stance for consent in record.consents}
    assert stances == {"*": "yes", PERMISSION: "yes", "aa00bb": "unstated"}
    assert all(consent.act is None for consent in record.consents), "the API is nobody's act"


def test_a_member_by_hash_address_and_contact_id(chimp: Client) -> None:
    made = add(chimp, AINO.upper())
    for handle in (made["id"], AINO, made["contact_id"]):
        assert chimp.lists.get_list_member(LIST, handle)["contact_id"] == made["contact_id"]
    with pytest.raises(ApiClientError) as error:
        chimp.lists.get_list_member(LIST, "nobody@posti.example")
    assert error.value.status_code == 404


def test_adding_twice_is_member_exists(chimp: Client) -> None:
    add(chimp, AINO)
    with pytest.raises(ApiClientError) as error:
        add(chimp, AINO)
    assert (error.value.status_code, problem(error)["title"]) == (400, "Member Exists")


def test_put_keeps_the_status_of_a_known_member(chimp: Client) -> None:
    made = add(chimp, AINO, "unsubscribed")
    body = {"email_address": AINO, "status_if_new": "subscribed", "merge_fields": {"FNAME": "A"}}
    put = chimp.lists.set_list_member(LIST, made["id"], body)
    assert (put["status"], put["merge_fields"]["FNAME"]) == ("unsubscribed", "A")
    new = {"email_address": "uusi@posti.example", "status_if_new": "pending"}
    assert chimp.lists.set_list_member(LIST, "uusi@posti.example", new)["status"] == "pending"


def test_a_batch_answers_200_with_its_errors(chimp: Client) -> None:
    add(chimp, AINO)
    members = [
        {"email_address": "uusi@posti.example", "status": "transactional"},
        {"email_address": AINO, "status": "subscribed"},
        {"email_address": "rikki@posti.invalid", "status": "subscribed"},
        {"email_address": "uusi@posti.example", "status": "subscribed"},
    ]
    answer = chimp.lists.batch_list_members(LIST, {"members": members, "update_existing": False})
    assert (answer["total_created"], answer["total_updated"], answer["error_count"]) == (1, 0, 3)
    codes = [error["error_code"] for error in answer["errors"]]
    assert codes == ["ERROR_CONTACT_EXISTS", "ERROR_GENERIC", "ERROR_GENERIC"]
    assert "contact_id" not in answer["new_members"][0], "as in the published contract"
    with pytest.raises(ApiClientError):
        chimp.lists.batch_list_members(LIST, {"members": members * 126})


def test_someone_who_left_cannot_be_subscribed_again(chimp: Client, world: World) -> None:
    made = add(chimp, AINO)
    world.act(LIST, AINO, "unsubscribe")
    with pytest.raises(ApiClientError) as error:
        chimp.lists.update_list_member(LIST, made["id"], {"status": "subscribed"})
    assert problem(error)["title"] == "Member In Compliance State"
    pending = chimp.lists.update_list_member(LIST, made["id"], {"status": "pending"})
    assert pending["status"] == "pending", "asking again is allowed"
    world.act(LIST, AINO, "confirm")
    assert chimp.lists.get_list_member(LIST, AINO)["status"] == "subscribed"
    world.act(LIST, AINO, "bounce")
    with pytest.raises(ApiClientError):
        chimp.lists.update_list_member(LIST, made["id"], {"status": "pending"})


def test_statuses_that_a_patch_may_not_set(chimp: Client) -> None:
    made = add(chimp, AINO)
    for status in ("archived", "transactional", "nonsense"):
        with pytest.raises(ApiClientError) as error:
            chimp.lists.update_list_member(LIST, made["id"], {"status": status})
        assert problem(error)["title"] == "Invalid Resource"


def test_a_changed_address_moves_the_hash_and_keeps_the_contact(chimp: Client) -> None:
    made = add(chimp, AINO)
    add(chimp, "varattu@posti.example")
    with pytest.raises(ApiClientError) as error:
        chimp.lists.update_list_member(LIST, made["id"], {"email_address": "varattu@posti.example"})
    assert problem(error)["title"] == "Member Exists"
    moved = chimp.lists.update_list_member(LIST, made["id"], {"email_address": "a@posti.example"})
    assert moved["contact_id"] == made["contact_id"]
    assert moved["id"] != made["id"]
    with pytest.raises(ApiClientError):
        chimp.lists.get_list_member(LIST, made["id"])


def test_tags_are_added_and_removed(chimp: Client) -> None:
    made = add(chimp, AINO, tags=["VIP"])
    changes = [{"name": "VIP", "status": "inactive"}, {"name": "syksy", "status": "active"}]
    assert chimp.lists.update_list_member_tags(LIST, made["id"], {"tags": changes}).ok
    assert [t["name"] for t in chimp.lists.get_list_member_tags(LIST, made["id"])["tags"]] == [
        "syksy"
    ]


def test_archiving_and_deleting_for_good(chimp: Client) -> None:
    made = add(chimp, AINO)
    assert chimp.lists.delete_list_member(LIST, made["id"]).status_code == 204
    assert chimp.lists.get_list_member(LIST, made["id"])["status"] == "archived"
    assert chimp.lists.get_list_members_info(LIST)["total_items"] == 0
    assert chimp.lists.get_list_members_info(LIST, status="archived")["total_items"] == 1
    assert chimp.lists.delete_list_member_permanent(LIST, made["id"]).status_code == 204
    with pytest.raises(ApiClientError) as error:
        chimp.lists.get_list_member(LIST, made["id"])
    assert error.value.status_code == 404
    for status in ("subscribed", "pending"):
        with pytest.raises(ApiClientError) as error:
            add(chimp, AINO, status)
        assert problem(error)["title"] == "Forgotten Email Not Subscribed"


def test_merge_fields_are_validated(chimp: Client) -> None:
    required = {"email_address": AINO, "status": "subscribed"}
    with pytest.raises(ApiClientError) as error:
        chimp.lists.add_list_member(CONFIRMED, required)
    assert problem(error)["errors"] == [{"field": "LNAME", "message": "Please enter a value"}]
    made = chimp.lists.add_list_member(CONFIRMED, required, skip_merge_validation=True)
    assert made["status"] == "subscribed"
    with pytest.raises(ApiClientError):
        add(chimp, "b@posti.example", merge_fields={"AGE": "vanha"})
    body = {"tag": "CITY", "name": "Kaupunki", "type": "text"}
    assert chimp.lists.add_list_merge_field(LIST, body)["merge_id"] == 4
    with pytest.raises(ApiClientError):
        chimp.lists.add_list_merge_field(LIST, body)


def test_the_listing_filters_sorts_and_pages(chimp: Client, world: World) -> None:
    for n in range(12):
        world.clock.advance(60)
        add(chimp, f"henkilo{n}@posti.example", "unsubscribed" if n % 2 else "subscribed")
    first = chimp.lists.get_list_members_info(LIST)
    assert (len(first["members"]), first["total_items"]) == (10, 12), "ten unless asked otherwise"
    changed = chimp.lists.get_list_members_info(
        LIST,
        since_last_changed=first["members"][7]["last_changed"],
        sort_field="last_changed",
        sort_dir="DESC",
        fields=["members.email_address", "total_items"],
        count=2,
    )
    assert changed == {
        "members": [
            {"email_address": "henkilo11@posti.example"},
            {"email_address": "henkilo10@posti.example"},
        ],
        "total_items": 4,
    }
    less = chimp.lists.get_list_members_info(LIST, status="subscribed", exclude_fields=["members"])
    assert less == {"list_id": LIST, "total_items": 6}


def test_the_activity_feed_tells_what_a_person_did(chimp: Client, world: World) -> None:
    world.act(LIST, AINO, "form-subscribe")
    world.act(LIST, AINO, "unsubscribe")
    feed = chimp.lists.get_list_member_activity_feed(LIST, AINO)["activity"]
    assert [entry["activity_type"] for entry in feed] == ["unsubscribe", "signup"]


def test_some_problems_lack_their_type(chimp: Client) -> None:
    kinds = set()
    for _ in range(2):
        with pytest.raises(ApiClientError) as error:
            chimp.lists.get_list_member(LIST, "nobody@posti.example")
        kinds.add("type" in problem(error))
    assert kinds == {True, False}


def test_what_our_connector_writes_it_reads(chimp: Client, world: World) -> None:
    intent = write(
        fields={"email_address": AINO, "FNAME": "Åke", "tags": ("VIP",)},
        scope=LIST,
        consents=[yes("*"), yes(PERMISSION)],
    )
    (result,) = world.open().write("members", [intent])
    found = chimp.lists.get_list_member(LIST, AINO)
    assert result.record is not None
    assert found["contact_id"] == result.record.ref.id
    assert (found["status"], found["merge_fields"]["FNAME"]) == ("subscribed", "Åke")
    assert [tag["name"] for tag in found["tags"]] == ["VIP"]
    assert [p["enabled"] for p in found["marketing_permissions"]] == [True, False]
