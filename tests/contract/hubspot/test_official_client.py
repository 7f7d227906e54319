"""The vendor's own client vouches for the sandbox, and for what the connector does over it."""

from __future__ import annotations

from typing import Any

import hubspot
import pytest
from hubspot.communication_preferences import PublicUpdateSubscriptionStatusRequest
from hubspot.communication_preferences.exceptions import ApiException as PreferencesError
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
    PublicGdprDeleteInput,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectBatchInputUpsert,
    SimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate, PropertyGroupCreate

from hub.api import RecordState, Stance, Verdict
from hub.testing.factories import no, write, yes
from plugins.hubspot.sandbox import TOKEN
from tests.contract.hubspot.conftest import (
    EVENTS,
    NEWSLETTER,
    Account,
    consented,
    create,
    official_client,
    pages,
    records,
    ref,
    sent,
    update,
)

BEARER = {"Authorization": f"Bearer {TOKEN}"}
AINO, BERTTA = "aino@kuviteltu.example", "bertta@kuviteltu.example"


def made(official: hubspot.HubSpot, **properties: str) -> str:
    """A contact made through the vendor's client; its id."""
    body = SimplePublicObjectInputForCreate(properties=properties, associations=[])
    answer = official.crm.contacts.basic_api.create(simple_public_object_input_for_create=body)
    return str(answer.id)


def search(official: hubspot.HubSpot, **more: Any) -> Any:
    asked = {"filter_groups": [], "sorts": [], "properties": ["email"], "limit": 100, "after": "0"}
    body = PublicObjectSearchRequest(**{**asked, **more})
    return official.crm.contacts.search_api.do_search(public_object_search_request=body)


def upserted(official: hubspot.HubSpot, *emails: str, **properties: str) -> Any:
    inputs = [
        SimplePublicObjectBatchInputUpsert(id=one, id_property="email", properties=properties)
        for one in emails
    ]
    return official.crm.contacts.batch_api.upsert(
        batch_input_simple_public_object_batch_input_upsert=(
            BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
        )
    )


class TestWhatTheClientSeedsTheConnectorReads:
    def test_contacts(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=" Aino@Kuviteltu.example ", firstname="Aino", city="Åbo")
        upserted(official, BERTTA, firstname="Bertta")
        found = records(pages(served.open()))
        assert found[aino].fields == {
            "email": AINO,
            "firstname": "Aino",
            "city": "Åbo",
            "jobtitle": None,
        }
        assert {record.ref.email for record in found.values()} == {AINO, BERTTA}

    def test_archived_ones(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        official.crm.contacts.basic_api.archive(contact_id=aino)
        connector = served.open()
        assert records(pages(connector))[aino].state is RecordState.ARCHIVED
        (found,) = connector.fetch("contacts", [ref(aino)])
        assert found is not None
        assert found.state is RecordState.ARCHIVED

    @pytest.mark.parametrize("makes_new", [False, True])
    def test_merged_ones(self, served: Account, official: hubspot.HubSpot, makes_new: bool) -> None:
        served.sandbox.merge_makes_new = makes_new
        aino, bertta = made(official, email=AINO), made(official, email=BERTTA)
        kept = official.crm.contacts.basic_api.merge(
            PublicMergeInput(primary_object_id=aino, object_id_to_merge=bertta)
        )
        (found,) = records(pages(served.open())).values()
        assert found.ref.id == kept.id
        assert {alias.id for alias in found.aliases} == {aino, bertta} - {kept.id}
        for asked in (ref(aino), ref(bertta), ref("", AINO), ref("", BERTTA)):
            (answer,) = served.open().fetch("contacts", [asked])
            assert answer == found
        assert official.crm.contacts.basic_api.get_by_id(contact_id=bertta).id == kept.id

    def test_statuses(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        api = official.communication_preferences.status_api
        api.subscribe(
            PublicUpdateSubscriptionStatusRequest(
                email_address=AINO, subscription_id=NEWSLETTER, legal_basis="CONSENT_WITH_NOTICE"
            )
        )
        api.unsubscribe(
            PublicUpdateSubscriptionStatusRequest(email_address=AINO, subscription_id=EVENTS)
        )
        connector = served.open(topics=(NEWSLETTER, EVENTS))
        said = {one.topic: one for one in records(pages(connector))[aino].consents}
        assert said[NEWSLETTER].stance is Stance.YES
        assert said[NEWSLETTER].act is None, "an API call is no act of the person"
        assert said[NEWSLETTER].evidence["legal_basis"] == "CONSENT_WITH_NOTICE"
        assert said[EVENTS].stance is Stance.NO


class TestWhatTheConnectorWritesTheClientReads:
    def test_creates_and_updates(self, served: Account, official: hubspot.HubSpot) -> None:
        (result,) = sent(served.open(), create(AINO, firstname="Aino", city="Åbo"))
        assert result.verdict is Verdict.OK
        assert result.record is not None
        id_ = result.record.ref.id
        get = official.crm.contacts.basic_api.get_by_id
        shown = get(contact_id=id_, properties=["firstname", "city"])
        assert (shown.properties["firstname"], shown.properties["city"]) == ("Aino", "Åbo")
        (result,) = sent(served.open(), update(id_, city=None, firstname="Aino Maria"))
        assert result.verdict is Verdict.OK
        shown = get(contact_id=id_, properties=["firstname", "city"])
        assert shown.properties["firstname"] == "Aino Maria"
        assert shown.properties["city"] is None

    def test_a_new_address_keeps_the_contact(
        self, served: Account, official: hubspot.HubSpot
    ) -> None:
        aino = made(official, email=AINO)
        (result,) = sent(served.open(), update(aino, email="aino.uusi@kuviteltu.example"))
        assert result.verdict is Verdict.OK
        shown = official.crm.contacts.basic_api.get_by_id(contact_id=aino, properties=["email"])
        assert shown.properties["email"] == "aino.uusi@kuviteltu.example"
        assert search(official).total == 1

    def test_statuses(self, served: Account, official: hubspot.HubSpot) -> None:
        aino, bertta = made(official, email=AINO), made(official, email=BERTTA)
        at = served.clock.now()
        results = consented(
            served.open(),
            write(ref(aino), consents=[yes(NEWSLETTER, at)]),
            write(ref(bertta), consents=[no(NEWSLETTER, at)]),
        )
        assert [one.verdict for one in results] == [Verdict.OK, Verdict.OK]

        def shown(email: str) -> str:
            answer = official.communication_preferences.status_api.get_email_status(
                email_address=email
            )
            by_id = {one.id: one.status for one in answer.subscription_statuses}
            return str(by_id[NEWSLETTER])

        assert (shown(AINO), shown(BERTTA)) == ("SUBSCRIBED", "NOT_SUBSCRIBED")

    def test_properties_made_by_prepare(self, served: Account, official: hubspot.HubSpot) -> None:
        made_ = served.open(fields=("email", "hub_projects")).prepare()
        assert made_ == ["property group hub", "property hub_projects"]
        shown = official.crm.properties.core_api.get_by_name(
            object_type="contacts", property_name="hub_projects"
        )
        assert (shown.type, shown.field_type, shown.group_name) == ("string", "text", "hub")


class TestWhatTheSandboxEnforces:
    def test_the_token(self, served: Account) -> None:
        with pytest.raises(ApiException) as raised:
            made(official_client(served.url, "wrong"), email=AINO)
        assert raised.value.status == 401

    def test_scopes(self, served: Account) -> None:
        served.sandbox.seed({"tokens": {"reader": ["crm.objects.contacts.read"]}})
        client = official_client(served.url, "reader")
        assert search(client).total == 0
        with pytest.raises(ApiException) as raised:
            made(client, email=AINO)
        assert raised.value.status == 403
        assert "crm.objects.contacts.write" in raised.value.body

    def test_one_contact_per_address(self, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        with pytest.raises(ApiException) as raised:
            made(official, email=AINO.upper())
        assert raised.value.status == 409
        assert f"Existing ID: {aino}" in raised.value.body
        bertta = made(official, email=BERTTA)
        with pytest.raises(ApiException) as raised:
            official.crm.contacts.basic_api.update(
                contact_id=bertta,
                simple_public_object_input=SimplePublicObjectInput(properties={"email": AINO}),
            )
        assert raised.value.status == 409

    @pytest.mark.parametrize(
        ("properties", "code"),
        [
            ({"email": AINO, "tuntematon": "x"}, "PROPERTY_DOESNT_EXIST"),
            ({"email": "ei osoite"}, "INVALID_EMAIL"),
            ({"email": AINO, "hs_object_id": "7"}, "READ_ONLY_VALUE"),
            ({"email": AINO, "hs_legal_basis": "because"}, "INVALID_OPTION"),
            ({"email": AINO}, "REQUIRED_FIELDS_MISSING"),
        ],
    )
    def test_values(
        self, served: Account, official: hubspot.HubSpot, properties: dict[str, str], code: str
    ) -> None:
        served.sandbox.seed({"required": ["lastname"]})
        if code != "REQUIRED_FIELDS_MISSING":
            properties = {**properties, "lastname": "Virtanen"}
        with pytest.raises(ApiException) as raised:
            made(official, **properties)
        assert raised.value.status == 400
        assert code in raised.value.body

    def test_a_batch_of_a_hundred(self, official: hubspot.HubSpot) -> None:
        emails = [f"henkilo{n}@kuviteltu.example" for n in range(101)]
        answer = upserted(official, *emails[:100])
        assert len(answer.results) == 100
        assert all(one.new for one in answer.results)
        assert not any(one.new for one in upserted(official, *emails[:100]).results)
        with pytest.raises(ApiException) as raised:
            upserted(official, *emails)
        assert raised.value.status == 400

    def test_a_batch_create_is_all_or_nothing(self, official: hubspot.HubSpot) -> None:
        made(official, email=AINO)
        inputs = [
            SimplePublicObjectBatchInputForCreate(properties={"email": one}, associations=[])
            for one in (BERTTA, AINO)
        ]
        with pytest.raises(ApiException) as raised:
            official.crm.contacts.batch_api.create(
                batch_input_simple_public_object_batch_input_for_create=(
                    BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
                )
            )
        assert raised.value.status == 409
        assert search(official).total == 1

    def test_a_batch_read_tells_what_is_missing(self, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        answer = official.crm.contacts.batch_api.read(
            batch_read_input_simple_public_object_id=BatchReadInputSimplePublicObjectId(
                inputs=[SimplePublicObjectId(id=aino), SimplePublicObjectId(id="999")],
                properties=["email"],
                properties_with_history=[],
            )
        )
        assert [one.id for one in answer.results] == [aino]
        assert answer.num_errors == 1
        assert answer.errors[0].context == {"ids": ["999"]}

    def test_search_ends(self, served: Account, official: hubspot.HubSpot) -> None:
        served.sandbox.window = 20
        served.people(30)
        first = search(official, limit=10)
        assert (first.total, first.paging.next.after) == (30, "10")
        assert len(search(official, limit=10, after="10").results) == 10
        for beyond in ({"limit": 10, "after": "20"}, {"limit": 201}):
            with pytest.raises(ApiException) as raised:
                search(official, **beyond)
            assert raised.value.status == 400

    def test_search_filters(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO, city="Turku")
        served.clock.advance(10)
        made(official, email=BERTTA)

        def found(name: str, operator: str, value: str = "") -> list[str]:
            one = {"propertyName": name, "operator": operator, "value": value}
            answer = search(official, filter_groups=[{"filters": [one]}])
            return [row.properties["email"] for row in answer.results]

        born = str(served.sandbox.ms() - 10_000)
        assert found("city", "EQ", "turku") == [AINO]
        assert found("city", "NOT_HAS_PROPERTY") == [BERTTA]
        assert found("lastmodifieddate", "GT", born) == [BERTTA]
        assert found("lastmodifieddate", "EQ", born) == [AINO]
        assert found("createdate", "LTE", born) == [AINO]
        assert found("hs_object_id", "GT", aino) == [BERTTA]
        assert found("email", "CONTAINS_TOKEN", "bertta*") == [BERTTA]
        with pytest.raises(ApiException) as raised:
            found("tuntematon", "EQ", "x")
        assert raised.value.status == 400
        with pytest.raises(ApiException):
            search(
                official,
                filter_groups=[{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}]}]
                * 7,
            )

    def test_search_lags(self, served: Account, official: hubspot.HubSpot) -> None:
        served.sandbox.lag = 5.0
        aino = made(official, email=AINO)
        assert search(official).total == 0
        assert official.crm.contacts.basic_api.get_by_id(contact_id=aino).id == aino
        served.clock.advance(5)
        assert search(official).total == 1

    def test_rate_limits(self, served: Account, official: hubspot.HubSpot) -> None:
        served.sandbox.limited = True
        for _ in range(5):
            search(official)
        with pytest.raises(ApiException) as raised:
            search(official)
        assert raised.value.status == 429
        assert raised.value.headers["X-HubSpot-RateLimit-Max"] == "190"
        served.clock.advance(1)
        search(official)
        for _ in range(190 - 6):
            served.sandbox.handle("GET", "/account-info/v3/details", "", BEARER, b"")
        with pytest.raises(ApiException) as raised:
            official.crm.contacts.basic_api.get_page(limit=1)
        assert "TEN_SECONDLY_ROLLING" in raised.value.body

    def test_archive_and_restore(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        official.crm.contacts.basic_api.archive(contact_id=aino)
        with pytest.raises(ApiException) as raised:
            official.crm.contacts.basic_api.get_by_id(contact_id=aino)
        assert raised.value.status == 404
        assert search(official).total == 0
        page = official.crm.contacts.basic_api.get_page(archived=True)
        assert [one.id for one in page.results] == [aino]
        served.sandbox.restore(aino)
        assert search(official).total == 1

    def test_erasure_and_its_trap(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = made(official, email=AINO)
        purge = official.crm.contacts.basic_api.purge
        purge(public_gdpr_delete_input=PublicGdprDeleteInput(object_id=aino))
        assert AINO not in str(served.sandbox.state()["contacts"])
        assert [one["id"] for one in served.sandbox.state()["purging"]] == [aino]
        served.clock.advance(31 * 86_400)
        assert served.sandbox.state()["purging"] == []
        made(official, email=AINO)  # it can come back
        purge(public_gdpr_delete_input=PublicGdprDeleteInput(object_id=BERTTA, id_property="email"))
        with pytest.raises(ApiException) as raised:
            made(official, email=BERTTA)
        assert "BLOCKLISTED" in raised.value.body

    def test_who_unsubscribed_is_not_subscribed_again(self, official: hubspot.HubSpot) -> None:
        api = official.communication_preferences.status_api
        asked = PublicUpdateSubscriptionStatusRequest(email_address=AINO, subscription_id=EVENTS)
        api.unsubscribe(asked)
        with pytest.raises(PreferencesError) as raised:
            api.subscribe(asked)
        assert raised.value.status == 400

    def test_definitions_and_properties(self, official: hubspot.HubSpot) -> None:
        found = official.communication_preferences.definition_api.get_page()
        assert [one.name for one in found.subscription_definitions] == ["Uutiskirje", "Tapahtumat"]
        official.crm.properties.groups_api.create(
            object_type="contacts",
            property_group_create=PropertyGroupCreate(name="hub", label="Hub"),
        )
        body = PropertyCreate(
            name="hub_note", label="Note", type="string", field_type="text", group_name="hub"
        )
        core = official.crm.properties.core_api
        core.create(object_type="contacts", property_create=body)
        names = {one.name for one in core.get_all(object_type="contacts").results}
        assert {"email", "hub_note"} <= names
