"""The vendor's own client vouches for engagements, associations, lists and erasure."""

from __future__ import annotations

from typing import Any

import hubspot
import pytest
from hubspot.crm.associations.v4 import (
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts import PublicGdprDeleteInput
from hubspot.crm.contacts.exceptions import ApiException as ContactError
from hubspot.crm.lists import ListCreateRequest
from hubspot.crm.lists.exceptions import ApiException as ListError
from hubspot.crm.objects import (
    AssociationSpec,
    BatchReadInputSimplePublicObjectId,
    PublicAssociationsForObject,
    PublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.exceptions import ApiException

from hub.api import Act, ActivityKind, Sought, Verdict
from hub.testing.factories import write
from tests.contract.hubspot.conftest import Account, ref, update

AINO, BERTTA = "aino@kuviteltu.example", "bertta@kuviteltu.example"
TO_CONTACT = {"calls": 194, "notes": 202}
COMMUNICATION = (ActivityKind.COMMUNICATION,)


def engaged(
    official: hubspot.HubSpot, type_: str, contact: str, *, kind: int = 0, **properties: str
) -> str:
    """An engagement made through the vendor's client, with that contact; its id."""
    spec = AssociationSpec(
        association_category="HUBSPOT_DEFINED",
        association_type_id=kind or TO_CONTACT[type_],
    )
    body = SimplePublicObjectInputForCreate(
        properties=properties,
        associations=[PublicAssociationsForObject(to=PublicObjectId(id=contact), types=[spec])],
    )
    answer = official.crm.objects.basic_api.create(
        object_type=type_, simple_public_object_input_for_create=body
    )
    return str(answer.id)


def contacts_of(official: hubspot.HubSpot, type_: str, id_: str) -> list[str]:
    answer = official.crm.associations.v4.basic_api.get_page(
        object_type=type_, object_id=id_, to_object_type="contacts"
    )
    return [str(one.to_object_id) for one in answer.results]


class TestWhatTheClientMakesTheConnectorTells:
    def test_engagements(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        at = "2026-10-05T09:30:00Z"
        call = engaged(
            official,
            "calls",
            aino,
            hs_timestamp=at,
            hs_call_title="Tarjous",
            hs_call_body="<p>Kiinnostunut</p>",
            hs_call_direction="OUTBOUND",
        )
        note = engaged(official, "notes", aino, hs_timestamp=at, hs_note_body="Muistiinpano")
        connector = served.open(activities=COMMUNICATION)
        pages = list(connector.activities("contacts", "", None))
        told = {one.id: one for page in pages for one in page.activities}
        assert set(told) == {f"calls/{call}/{aino}", f"notes/{note}/{aino}"}
        assert told[f"calls/{call}/{aino}"].about == "Tarjous"
        assert told[f"calls/{call}/{aino}"].detail["direction"] == "out"
        served.clock.advance(3600)
        official.crm.objects.basic_api.update(
            object_type="notes",
            object_id=note,
            simple_public_object_input=SimplePublicObjectInput(
                properties={"hs_note_body": "Korjattu"}
            ),
        )
        again = list(connector.activities("contacts", "", pages[-1].cursor))
        now = {one.id: one for page in again for one in page.activities}
        assert now[f"notes/{note}/{aino}"].detail["text"] == "Korjattu"

    def test_a_second_contact(self, served: Account, official: hubspot.HubSpot) -> None:
        aino, bertta = served.add(AINO), served.add(BERTTA)
        note = engaged(official, "notes", aino, hs_timestamp="2026-10-05T09:30:00Z")
        official.crm.associations.v4.basic_api.create_default(
            from_object_type="notes",
            from_object_id=note,
            to_object_type="contacts",
            to_object_id=bertta,
        )
        assert contacts_of(official, "notes", note) == [aino, bertta]
        connector = served.open(activities=COMMUNICATION)
        told = [one for p in connector.activities("contacts", "", None) for one in p.activities]
        assert {one.ref.id for one in told} == {aino, bertta}

    def test_a_list_made_by_hand_is_the_exclusion_list(
        self, served: Account, official: hubspot.HubSpot
    ) -> None:
        aino = served.add(AINO)
        created = official.crm.lists.lists_api.create(
            ListCreateRequest(
                name="hub: RESTRICTED", object_type_id="0-1", processing_type="MANUAL"
            )
        )
        (result,) = served.open().restrict("contacts", [write(ref(aino))])
        assert result.memo == f"list:{created.list.list_id}"
        assert served.sandbox.on_list("Hub: restricted") == {aino}


class TestWhatTheConnectorDoesTheClientSees:
    def test_erasure(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        connector = served.open()
        ((held,),) = connector.locate([Sought(emails=[AINO])])
        (result,) = connector.erase("contacts", [write(held.ref)])
        assert (result.verdict, result.reason) == (Verdict.OK, "accepted")
        for archived in (False, True):
            with pytest.raises(ContactError) as raised:
                official.crm.contacts.basic_api.get_by_id(contact_id=aino, archived=archived)
            assert raised.value.status == 404
        assert served.sandbox.account.blocklist == set()

    def test_what_the_client_purged_is_read_back(
        self, served: Account, official: hubspot.HubSpot
    ) -> None:
        aino = served.add(AINO)
        official.crm.contacts.basic_api.purge(
            public_gdpr_delete_input=PublicGdprDeleteInput(object_id=aino)
        )
        connector = served.open()
        (shown,) = connector.verify([ref(aino)], Act.ERASE)
        assert (shown.done, shown.code) == (True, "removed-from-api")
        (result,) = connector.erase("contacts", [write(ref(aino))])
        assert (result.verdict, result.reason) == (Verdict.OK, "absent")

    def test_an_archived_contact_is_found(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        official.crm.contacts.basic_api.archive(contact_id=aino)
        ((held,),) = served.open().locate([Sought(emails=[AINO])])
        assert (held.ref.id, held.state.value) == (aino, "archived")

    def test_restriction(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        connector = served.open()
        (result,) = connector.restrict("contacts", [write(ref(aino))])
        api = official.crm.lists
        shown = api.lists_api.get_by_name(object_type_id="0-1", list_name="Hub: restricted").list
        assert (shown.processing_type, f"list:{shown.list_id}") == ("MANUAL", result.memo)
        page = api.memberships_api.get_page(list_id=shown.list_id)
        assert [str(one.record_id) for one in page.results] == [aino]
        of = api.memberships_api.get_lists(object_type_id="0-1", record_id=aino)
        assert [one.list_id for one in of.results] == [shown.list_id]
        contact = official.crm.contacts.basic_api.get_by_id(
            contact_id=aino, properties=["hub_restricted"]
        )
        assert contact.properties["hub_restricted"] == "true"
        kept = official.crm.properties.core_api.get_by_name(
            object_type="contacts", property_name="hub_restricted"
        )
        assert (kept.type, kept.field_type) == ("bool", "booleancheckbox")
        api.memberships_api.remove(list_id=shown.list_id, request_body=[aino])
        (shown_,) = connector.verify([ref(aino)], Act.RESTRICT)
        assert (shown_.done, shown_.code) == (False, "not-on-list")

    def test_rectification(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO, lastname="Virtane")
        served.open().rectify("contacts", [update(aino, lastname="Virtanen", email=BERTTA)])
        shown = official.crm.contacts.basic_api.get_by_id(
            contact_id=aino, properties=["email", "lastname"]
        ).properties
        assert (shown["email"], shown["lastname"]) == (BERTTA, "Virtanen")


class TestWhatTheSandboxEnforces:
    def test_engagements(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        with pytest.raises(ApiException) as raised:
            engaged(official, "notes", aino, hs_note_body="ilman aikaa")
        assert "REQUIRED_FIELDS_MISSING" in raised.value.body
        with pytest.raises(ApiException) as raised:
            engaged(official, "notes", aino, kind=1, hs_timestamp="2026-10-05T09:30:00Z")
        assert raised.value.status == 400
        assert served.sandbox.state()["engagements"] == {}
        with pytest.raises(ApiException) as raised:
            official.crm.objects.basic_api.get_page(object_type="lentokoneet")
        assert raised.value.status == 400

    def test_reading_and_archiving_them(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        ids = [
            engaged(official, "calls", aino, hs_timestamp="2026-10-05T09:30:00Z") for _ in range(3)
        ]
        api = official.crm.objects
        page = api.basic_api.get_page(object_type="calls", limit=2, associations=["contacts"])
        assert [one.id for one in page.results] == ids[:2]
        assert page.results[0].associations["contacts"].results[0].id == aino
        rest = api.basic_api.get_page(object_type="calls", after=page.paging.next.after)
        assert [one.id for one in rest.results] == ids[2:]
        api.basic_api.archive(object_type="calls", object_id=ids[0])
        with pytest.raises(ApiException) as raised:
            api.basic_api.get_by_id(object_type="calls", object_id=ids[0])
        assert raised.value.status == 404
        gone = api.basic_api.get_page(object_type="calls", archived=True)
        assert [one.id for one in gone.results] == ids[:1]
        read = api.batch_api.read(
            object_type="calls",
            batch_read_input_simple_public_object_id=BatchReadInputSimplePublicObjectId(
                inputs=[SimplePublicObjectId(id=one) for one in ids],
                properties=["hs_timestamp"],
                properties_with_history=[],
            ),
        )
        assert [one.id for one in read.results] == ids[1:]
        assert read.errors[0].context == {"ids": ids[:1]}

    def test_searching_them(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        served.sandbox.window = 4
        engaged(official, "notes", aino, hs_timestamp="2026-10-05T09:30:00Z")
        born = str(served.sandbox.ms())
        served.clock.advance(10)
        late = engaged(official, "notes", aino, hs_timestamp="2026-10-05T09:30:00Z")

        def search(**more: Any) -> Any:
            since = {"propertyName": "hs_lastmodifieddate", "operator": "GT", "value": born}
            asked: dict[str, Any] = {
                "filter_groups": [{"filters": [since]}],
                "sorts": ["hs_lastmodifieddate"],
                "properties": [],
                "limit": 2,
                "after": "0",
            }
            body = PublicObjectSearchRequest(**{**asked, **more})
            return official.crm.objects.search_api.do_search(
                object_type="notes", public_object_search_request=body
            )

        assert [one.id for one in search().results] == [late]
        with pytest.raises(ApiException) as raised:
            search(after="4")
        assert raised.value.status == 400
        served.sandbox.lag = 5.0
        assert search().total == 0

    def test_associations(self, served: Account, official: hubspot.HubSpot) -> None:
        served.sandbox.associations_page = 2
        ids = served.people(3)
        note = served.sandbox.engage("notes", ids, {})
        api = official.crm.associations.v4

        def read(**more: str) -> Any:
            one = PublicFetchAssociationsBatchRequest(**more)
            return api.batch_api.get_page(
                from_object_type="notes",
                to_object_type="contacts",
                batch_input_public_fetch_associations_batch_request=(
                    BatchInputPublicFetchAssociationsBatchRequest(inputs=[one])
                ),
            )

        (first,) = read(id=note).results
        assert [str(one.to_object_id) for one in first.to] == ids[:2]
        (rest,) = read(id=note, after=first.paging.next.after).results
        assert [str(one.to_object_id) for one in rest.to] == ids[2:]
        assert rest.paging is None
        nothing = read(id="999")
        assert (nothing.results, nothing.num_errors) == ([], 1)
        back = api.basic_api.get_page(
            object_type="contacts", object_id=ids[0], to_object_type="notes"
        )
        assert [str(one.to_object_id) for one in back.results] == [note]

    def test_lists(self, served: Account, official: hubspot.HubSpot) -> None:
        aino = served.add(AINO)
        api = official.crm.lists
        asked = ListCreateRequest(name="Lista", object_type_id="0-1", processing_type="MANUAL")
        id_ = api.lists_api.create(asked).list.list_id
        with pytest.raises(ListError) as raised:
            api.lists_api.create(asked)
        assert raised.value.status == 400
        with pytest.raises(ListError) as raised:
            api.lists_api.get_by_name(object_type_id="0-1", list_name="Toinen")
        assert raised.value.status == 404
        answer = api.memberships_api.add(list_id=id_, request_body=[aino, "999"])
        assert answer.record_ids_missing == ["999"]
        assert api.lists_api.get_by_id(list_id=id_).list.size == 1
        official.crm.contacts.basic_api.purge(
            public_gdpr_delete_input=PublicGdprDeleteInput(object_id=aino)
        )
        assert api.memberships_api.get_page(list_id=id_).results == []

    def test_an_erasure_may_not_find_archived_contacts(
        self, served: Account, official: hubspot.HubSpot
    ) -> None:
        served.sandbox.purge_archived = False
        aino = served.add(AINO)
        official.crm.contacts.basic_api.archive(contact_id=aino)
        with pytest.raises(ContactError) as raised:
            official.crm.contacts.basic_api.purge(
                public_gdpr_delete_input=PublicGdprDeleteInput(object_id=aino)
            )
        assert raised.value.status == 404
