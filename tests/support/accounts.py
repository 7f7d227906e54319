"""The five accounts of `config/sandbox.yaml`, empty, and what people and staff do in them.

Everything here is done at the vendor's own screens, behind the hub's back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from hub.testing.doings import HOST, ZOOM_APP, webinar_form
from hub.testing.seeds import (
    API_KEYS,
    HUBSPOT_FORM,
    HUBSPOT_PERSON,
    HUBSPOT_SCOPES,
    HUBSPOT_STAFF,
    LIST_PROPERTIES,
    MERGE_FIELDS,
    TOKENS,
)
from hub.testing.world import (
    ASKS,
    ASKS_BOTH,
    BANGERI,
    COMING,
    CRM,
    CROWST,
    EVENTS,
    HELD,
    MAILER,
    NEWSLETTER,
    WEBINAR,
)

CONTROLLERS = (CROWST, BANGERI)
AUDIENCES = {
    "crowst-uutiset": (CROWST, "newsletter"),
    "crowst-tapahtumat": (CROWST, "events"),
    "bangeri-uutiset": (BANGERI, "newsletter"),
}
"""Audience -> whose it is, and the purpose that its status speaks of."""
TOPICS = {
    controller: {NEWSLETTER[controller]: "newsletter", EVENTS[controller]: "events"}
    for controller in CONTROLLERS
}
"""Controller -> subscription type in its CRM -> purpose."""
WEBINARS = {HELD: "2026-11-20T12:00:00Z", COMING: "2027-09-01T12:00:00Z"}
"""Webinar -> when it begins; whoever registers afterwards to one that was held comes too late."""
QUESTIONS = {
    ASKS[CROWST]: ((CROWST, "newsletter"),),
    ASKS[BANGERI]: ((BANGERI, "newsletter"),),
    ASKS_BOTH: ((CROWST, "profiling"), (BANGERI, "profiling")),
}
"""A form's question -> for what a yes is a consent: (controller, purpose)."""
CONTACT_FIELDS = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "job_title": "jobtitle",
    "company": "company",
    "projects": "hub_projects",
    "webinars": "hub_webinars",
    "lifecycle": "lifecyclestage",
}
MEMBER_FIELDS = {
    "first_name": "FNAME",
    "last_name": "LNAME",
    "phone": "PHONE",
    "job_title": "TITLE",
    "company": "COMPANY",
}


def open_accounts(world: Any) -> None:
    """Give the five sandboxes their keys, subscription types, audiences and webinars; nobody is
    in them."""
    world.sandbox(WEBINAR).seed(
        {
            "plan": "business",
            "apps": [ZOOM_APP],
            "users": [HOST],
            "webinars": [
                {"id": int(name), "topic": name, "start_time": start, **webinar_form()}
                for name, start in WEBINARS.items()
            ],
        }
    )
    for controller in CONTROLLERS:
        world.sandbox(CRM[controller]).seed(
            {
                "tokens": {TOKENS[controller]: list(HUBSPOT_SCOPES)},
                "definitions": [{"id": topic, "name": topic} for topic in TOPICS[controller]],
                "properties": [
                    {"name": name, "type": "string", "fieldType": "text"}
                    for name in LIST_PROPERTIES
                ],
            }
        )
        world.sandbox(MAILER[controller]).seed(
            {
                "api_keys": [API_KEYS[controller]],
                "lists": [
                    {"id": name, "merge_fields": [{"tag": tag} for tag in MERGE_FIELDS]}
                    for name, (owner, _) in AUDIENCES.items()
                    if owner == controller
                ],
            }
        )


class Crm:
    """One company's HubSpot account, from the inside."""

    def __init__(self, world: Any, controller: str) -> None:
        self.box = world.sandbox(CRM[controller])
        self.controller = controller

    def add(self, email: str | None, **values: str) -> str:
        """Staff or an import adds a contact; answers its id."""
        properties = {CONTACT_FIELDS[name]: value for name, value in values.items()}
        if email:
            properties["email"] = email
        with self.box.lock:
            self.box.seed({"contacts": [{"properties": properties}]})
            return str(max(self.box.account.contacts))

    def id_of(self, email: str) -> str | None:
        """The id of the live contact with that address."""
        found = self.box.account.by_email(email)
        return None if found is None else str(found.id)

    def value(self, email: str, name: str) -> Any:
        """A field of the live contact with that address; None where there is none."""
        found = self.box.account.by_email(email)
        return None if found is None else found.value(CONTACT_FIELDS[name])

    def edit(self, id_: str, **values: str) -> None:
        """Staff changes a contact."""
        self.box.edit(id_, {CONTACT_FIELDS[name]: value for name, value in values.items()})

    def subscribes(self, email: str, topic: str) -> None:
        """The person ticks a subscription in a form."""
        self.box.person_sets(email, topic, "SUBSCRIBED", HUBSPOT_FORM)

    def withdraws(self, email: str, topic: str) -> None:
        """The person unticks one on the preferences page."""
        self.box.person_sets(email, topic, "UNSUBSCRIBED", HUBSPOT_PERSON)

    def staff_subscribes(self, email: str, topic: str) -> None:
        """A user of the CRM sets "subscribed": no act of the person."""
        self.box.person_sets(email, topic, "SUBSCRIBED", HUBSPOT_STAFF)

    def opts_out(self, email: str) -> None:
        """The person unsubscribes from everything."""
        self.box.opt_out_of_all(email, HUBSPOT_PERSON)

    def status(self, email: str, topic: str) -> str:
        """What the account holds of an address: SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED."""
        if (email.lower(), "") in self.box.account.opted_out:
            return "UNSUBSCRIBED"
        held = self.box.account.statuses.get(email.lower(), {}).get(topic)
        return held.status if held else "NOT_SPECIFIED"

    def archive(self, id_: str) -> None:
        """Staff archives a contact."""
        found = self.box.account.find(id_)
        self.box.account.archive(found, self.box.ms())

    def restore(self, id_: str) -> None:
        """Staff brings an archived contact back."""
        self.box.restore(id_)

    def delete(self, id_: str) -> None:
        """The contact is gone for good."""
        self.box.account.remove(self.box.account.find(id_))

    def merge(self, winner: str, loser: str) -> None:
        """Staff merges two contacts."""
        account = self.box.account
        account.merge(account.find(winner), account.find(loser), self.box.ms())


class List:
    """One audience of a Mailchimp account, from the inside."""

    def __init__(self, world: Any, audience: str) -> None:
        self.controller, self.purpose = AUDIENCES[audience]
        self.box = world.sandbox(MAILER[self.controller])
        self.id = audience

    @property
    def audience(self) -> Any:
        return self.box.audiences[self.id]

    def member(self, email: str) -> Any:
        """The member with that address, None where there is none."""
        return self.audience.holding(email)

    def status(self, email: str) -> str | None:
        """The member's status, None where there is none."""
        found = self.member(email)
        return found.status if found else None

    def add(self, email: str, status: str = "subscribed", **values: str) -> None:
        """An import adds a member: no act of the person, whatever the status says."""
        member = {
            "email_address": email,
            "status": status,
            "merge_fields": _merged(values),
            "source": "List Import from CSV",
        }
        self.box.seed({"lists": [{"id": self.id, "members": [member]}]})

    def act(self, email: str, act: str, **given: Any) -> None:
        """One of the acts of `plugins.mailer.sandbox_people`."""
        self.box.seed({"acts": [{"list": self.id, "email": email, "act": act, **given}]})

    def subscribes(self, email: str, **values: str) -> None:
        """The person fills in the form."""
        self.act(email, "form-subscribe", merge_fields=_merged(values))

    def edit(self, email: str, **values: str) -> None:
        """Staff changes merge fields."""
        self.act(email, "staff-edit", merge_fields=_merged(values))

    def moves(self, email: str, new: str) -> None:
        """The person changes their address."""
        self.act(email, "profile", new_email=new)

    def tag(self, email: str, name: str, *, on: bool) -> None:
        """Staff tags or untags a member."""
        member = self.member(email)
        status = "active" if on else "inactive"
        self.audience.set_tags(member, [{"name": name, "status": status}])
        self.audience.touch(member, _iso(self.box))


class Webinar:
    """One webinar of the joint Zoom account, from the inside."""

    def __init__(self, world: Any, webinar: str) -> None:
        self.box = world.sandbox(WEBINAR)
        self.id = webinar

    @property
    def there(self) -> Any:
        return self.box.webinars[int(self.id)]

    def registrant(self, email: str) -> Any:
        """The registrant with that address, of any status; None where there is none."""
        return self.there.holding(email)

    def over(self) -> bool:
        """Whether nobody can register any more."""
        start = datetime.fromisoformat(WEBINARS[self.id])
        return bool(self.there.instances) and self.box.now() >= start

    def registers(
        self, email: str, yes: Collection[str] = (), name: str = "Aino Esimerkki", **values: str
    ) -> None:
        """The person fills in the form. `yes` are the questions answered so; the others are
        answered with no."""
        first, _, last = name.partition(" ")
        answers = {title: "Kyllä" if title in yes else "Ei" for title in QUESTIONS}
        self.box.register(self.id, email, answers, first, last, **values)

    def cancels(self, email: str) -> None:
        """The person cancels by the link in the confirmation."""
        self.box.cancel(self.id, email)

    def approves(self, email: str) -> None:
        """The host approves."""
        self.box.approve(self.id, email)

    def denies(self, email: str) -> None:
        """The host denies."""
        self.box.deny(self.id, email)

    def deletes(self, email: str) -> None:
        """The host takes somebody off the list."""
        self.box.delete(self.id, email)

    def is_held(self, attended: Iterable[str], **more: Any) -> None:
        """It takes place and is over; who is registered and did not attend is absent."""
        self.box.hold(self.id, list(attended), **more)


def _merged(values: Mapping[str, str]) -> dict[str, str]:
    return {MEMBER_FIELDS[name]: value for name, value in values.items()}


def _iso(box: Any) -> str:
    from plugins.mailer.sandbox_audience import iso

    return iso(box.now())
