"""What the synthetic people did, in the words of each vendor: mails that they got and opened, talks
with a company, registrations and the webinar that was held.

Who opens what follows from a person's number, so that no further draw is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.api import WHOLE_SCOPE, Stance
from hub.testing.registering import COMING_AFTER, held_at
from hub.testing.world import ASKS, ASKS_BOTH, COMING, HELD, Entry

ZOOM_APP = {
    "account_id": "sandbox-account",
    "client_id": "sandbox-hub",
    "client_secret": "sandbox-secret",
}
HOST = {"id": "u-webinaarit", "email": "webinaarit@crowst.example"}
MAILED_BEFORE = timedelta(days=5)
"""When each audience got its newsletter, before the end of the story."""


def campaigns(audience: str, entries: Sequence[Entry], until: datetime) -> Iterator[dict[str, Any]]:
    """The acts of one newsletter: sent to who was subscribed, opened by some, clicked by few."""
    at = until - MAILED_BEFORE
    campaign = f"{audience}-1"
    reached = [one for one in entries if _subscribed(one, at)]
    yield {
        "act": "send",
        "list": audience,
        "campaign": campaign,
        "title": "Syksyn uutiset",
        "subject": "Mitä syksyllä tapahtuu",
        "to": [one.email for one in reached],
        "at": _iso(at),
    }
    for one in reached:
        for act, every in (("open", 3), ("click", 9)):
            if one.human % every == 0:
                when = _iso(at + timedelta(minutes=one.human % 600 + every))
                more = {"list": audience, "email": one.email, "campaign": campaign, "at": when}
                yield {"act": act, **more}


def talks(contacts: Sequence[tuple[str, Entry]]) -> Iterator[dict[str, Any]]:
    """Calls and notes that staff logged about contacts, given with the vendor's ids."""
    for id_, entry in contacts:
        at = _iso(entry.updated_at)
        if entry.human % 12 == 0:
            yield {
                "type": "calls",
                "contacts": [id_],
                "modified": at,
                "properties": {
                    "hs_timestamp": at,
                    "hs_call_title": "Tarjouksesta",
                    "hs_call_body": "Soitettiin, palataan asiaan ensi viikolla.",
                    "hs_call_direction": "OUTBOUND",
                },
            }
        if entry.human % 25 == 1:
            yield {
                "type": "notes",
                "contacts": [id_],
                "modified": at,
                "properties": {"hs_timestamp": at, "hs_note_body": "Tavattiin messuilla."},
            }


def zoom(entries: Sequence[Entry], until: datetime) -> dict[str, Any]:
    """An account with two webinars, of which one was held. Fits the hub's own pace."""
    start = held_at(until)
    there = [one for one in entries if one.scope == HELD]
    return {
        "plan": "business",
        "apps": [ZOOM_APP],
        "users": [HOST],
        "webinars": [
            {
                **_webinar(HELD, "Syksyn webinaari: sähköinen laskutus", start),
                "registrants": [_registrant(one) for one in there],
                "instances": [
                    {
                        "start_time": _iso(start),
                        "attended": [one.email for one in there if one.came],
                        "qa": [
                            _said(one, "question", one.asked, start) for one in there if one.asked
                        ],
                        "polls": [
                            {**_said(one, "answer", one.polled, start), "question": "Toimiala?"}
                            for one in there
                            if one.polled
                        ],
                    }
                ],
            },
            {
                **_webinar(COMING, "Talven webinaari: kirjanpito", until + COMING_AFTER),
                "registrants": [_registrant(one) for one in entries if one.scope == COMING],
            },
        ],
    }


def webinar_form() -> dict[str, Any]:
    """What the registration form of both webinars asks."""
    radio = {"type": "single_radio", "required": False, "answers": ["Kyllä", "Ei"]}
    return {
        "approval": "automatic",
        "questions": [{"field_name": name} for name in ("org", "job_title", "phone")],
        "custom_questions": [{"title": title, **radio} for title in (*ASKS.values(), ASKS_BOTH)],
    }


def _webinar(webinar: str, topic: str, start: datetime) -> dict[str, Any]:
    return {
        "id": int(webinar),
        "topic": topic,
        "host": HOST["id"],
        "start_time": _iso(start),
        "capacity": 100_000,
        **webinar_form(),
    }


def _registrant(entry: Entry) -> dict[str, Any]:
    given = {"org": entry.employer, "job_title": entry.title, "phone": entry.phone}
    return {
        "email": entry.email,
        "first_name": entry.first_name,
        "last_name": entry.last_name,
        "status": entry.standing,
        "create_time": _iso(entry.created_at),
        **{name: value for name, value in given.items() if value},
        "answers": {
            title: "Kyllä" if wish[0] is Stance.YES else "Ei"
            for title, wish in entry.statuses.items()
        },
    }


def _said(entry: Entry, name: str, text: str, start: datetime) -> Mapping[str, str]:
    at = start + timedelta(minutes=10 + entry.human % 40)
    return {"email": entry.email, name: text, "at": _iso(at)}


def _subscribed(entry: Entry, at: datetime) -> bool:
    stance, since, _ = entry.statuses[WHOLE_SCOPE]
    return stance is Stance.YES and not entry.bounced and (since is None or since <= at)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
