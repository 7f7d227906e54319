"""What people did with a webinar, told once each, and of nobody who is not a registrant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.api import Activity, ActivityKind, BadAnswer, Misconfigured, MissingScope, Rejected
from hub.testing.sandbox import Answer, Fault, FaultKind
from plugins.webinar.sandbox_webinar import uuid_of
from plugins.webinar.zoom import Zoom
from plugins.webinar.zoom_activities import KINDS
from plugins.webinar.zoom_client import ABSENTEES, PARTICIPANTS
from tests.contract.webinar.conftest import (
    AINO,
    BERTTA,
    CECILIA,
    MANUAL,
    SCOPE,
    WEBINAR,
    World,
    told,
)

DAY = 86400
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def zoom(world: World) -> Zoom:
    return world.open(kinds=KINDS)


def read(zoom: Zoom, cursor: str | None = None) -> tuple[list[Activity], list[Rejected], str]:
    pages = list(zoom.activities("registrants", SCOPE, cursor))
    rejected = [row for page in pages for row in page.rejected]
    return told(pages), rejected, pages[-1].cursor if pages else (cursor or "")


def by_kind(activities: list[Activity]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in activities:
        found.setdefault(one.kind.value, []).append((one.ref.email or "").partition("@")[0])
    return {kind: sorted(people) for kind, people in found.items()}


def evening(world: World, **more: Any) -> None:
    """Three registered; Aino came twice, asked and answered; Bertta came; Cecilia did not."""
    for email in (AINO, BERTTA, CECILIA):
        world.sandbox.register(WEBINAR, email)
    world.clock.advance(18 * DAY + 6 * 3600)  # 14:00 on the twentieth
    first = {"email": AINO, "join_time": "2026-11-20T12:00:00Z"}
    second = {"email": AINO, "join_time": "2026-11-20T12:40:00Z"}
    attended = [
        {**second, "leave_time": "2026-11-20T13:00:00Z"},
        {**first, "leave_time": "2026-11-20T12:30:00Z"},
        BERTTA,
        *more.pop("attended", ()),
    ]
    qa = [
        {"email": AINO, "question": "Saako kalvot?", "answer": "Saa", "at": "2026-11-20T12:25:00Z"},
        {"email": AINO, "question": "Entä video?", "at": "2026-11-20T12:26:00Z"},
        {"email": "", "question": "Kuka puhuu?", "at": "2026-11-20T12:27:00Z"},
    ]
    polls = [
        {"email": BERTTA, "question": "Toimiala?", "answer": "IT", "at": "2026-11-20T12:50:00Z"}
    ]
    world.sandbox.hold(WEBINAR, attended=attended, qa=qa, polls=polls, **more)


def test_the_whole_story(world: World, zoom: Zoom) -> None:
    evening(world)
    activities, rejected, _ = read(zoom)
    assert by_kind(activities) == {
        "registered": ["aino", "bertta", "cecilia"],
        "attended": ["aino", "bertta"],
        "absent": ["cecilia"],
        "question": ["aino", "aino"],
        "poll": ["bertta"],
    }
    assert {one.about for one in activities} == {"Syksyn webinaari"}
    assert {one.ref.scope for one in activities} == {SCOPE}
    assert all(one.ref.id == world.id_of(one.ref.email or "") for one in activities)
    aino = next(one for one in activities if one.kind == "attended" and one.ref.email == AINO)
    assert (aino.at, aino.detail["minutes"]) == (START, "50")
    absent = next(one for one in activities if one.kind == "absent")
    assert absent.at == START
    asked = [one.detail for one in activities if one.kind == "question"]
    assert asked[0] == {"question": "Saako kalvot?", "answer": "Saa"}
    assert [row.reason.partition(":")[0] for row in rejected] == ["no-registrant"]


def test_ids_are_unique_stable_and_nobodys_data(world: World, zoom: Zoom) -> None:
    evening(world)
    first, _, _ = read(zoom)
    again, _, _ = read(world.open(kinds=KINDS))
    ids = [one.id for one in first]
    assert len(set(ids)) == len(ids)
    assert [one.id for one in again] == ids
    words = ("aino", "kuviteltu", "kalvot", "toimiala", "esimerkki")
    assert not [one for one in ids if any(word in one.casefold() for word in words)]


def test_cursors_hold_nobodys_data(world: World, zoom: Zoom) -> None:
    evening(world)
    world.sandbox.cancel(WEBINAR, CECILIA)
    for page in zoom.activities("registrants", SCOPE, None):
        assert "kuviteltu" not in page.cursor
        assert world.id_of(CECILIA) not in page.cursor


def test_afterwards_only_what_is_new(world: World, zoom: Zoom) -> None:
    world.sandbox.register(WEBINAR, AINO)
    first, _, cursor = read(zoom)
    world.clock.advance(3600)
    again, _, _ = read(zoom, cursor)
    assert again == first, "the overlap: the same, with the same ids"
    world.sandbox.register(WEBINAR, BERTTA)
    activities, _, cursor = read(zoom, cursor)
    assert by_kind(activities) == {"registered": ["aino", "bertta"]}
    world.clock.advance(3600)
    world.sandbox.cancel(WEBINAR, AINO)
    activities, _, cursor = read(zoom, cursor)
    assert by_kind(activities) == {"cancelled": ["aino"], "registered": ["bertta"]}
    cancelled = next(one for one in activities if one.kind == "cancelled")
    assert cancelled.at == world.clock.now(), "Zoom tells no time: when it was first seen"
    world.clock.advance(3600)
    assert "cancelled" not in by_kind(read(zoom, cursor)[0]), "a cancellation is told once"


def test_a_second_cancellation_is_another_one(world: World, zoom: Zoom) -> None:
    ids = []
    cursor: str | None = None
    for _ in range(2):
        world.sandbox.register(WEBINAR, AINO)
        world.sandbox.cancel(WEBINAR, AINO)
        activities, _, cursor = read(zoom, cursor)
        ids += [one.id for one in activities if one.kind == "cancelled"]
        world.clock.advance(DAY)
    assert len(set(ids)) == 2


def test_reports_are_read_again_until_they_are_settled(world: World, zoom: Zoom) -> None:
    evening(world)
    held = world.webinar.instances[0]
    late = held.attended.pop()  # not yet in the report
    activities, _, cursor = read(zoom)
    assert by_kind(activities)["attended"] == ["aino"]
    held.attended.append(late)
    world.clock.advance(DAY)
    activities, _, cursor = read(zoom, cursor)
    assert by_kind(activities)["attended"] == ["aino", "bertta"]
    world.clock.advance(3 * DAY)
    _, _, cursor = read(zoom, cursor)
    world.sandbox.journal.clear()
    assert set(by_kind(read(zoom, cursor)[0])) == {"registered"}
    assert not world.calls(ending="/participants"), "settled: not asked for again"
    world.sandbox.hold(WEBINAR, attended=[CECILIA])
    assert by_kind(read(zoom, cursor)[0])["attended"] == ["cecilia"], "held once more"


def answering(world: World, template: str, answer: Answer) -> Any:
    """The sandbox's way of every call, with that answer for one route."""
    real = world.sandbox._answer
    return lambda call, endpoint: answer if call.template == template else real(call, endpoint)


def test_nobody_is_absent_while_the_report_of_who_came_is_not_there(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody would be, and what is told once stays."""
    evening(world)
    unready = Answer(404, {"code": 3001, "message": "Webinar not found or has expired."})
    with monkeypatch.context() as patched:
        patched.setattr(world.sandbox, "_answer", answering(world, PARTICIPANTS, unready))
        patched.setattr(world.webinar.instances[0], "attended", [])
        activities, _, cursor = read(zoom)
    assert not {"attended", "absent"} & set(by_kind(activities))
    activities, _, _ = read(zoom, cursor)
    assert by_kind(activities)["attended"] == ["aino", "bertta"]
    assert by_kind(activities)["absent"] == ["cecilia"]


def test_who_came_is_not_absent_by_a_list_that_lags(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening(world)
    everybody = [world.webinar.show(one) for one in world.webinar.registrants.values()]
    lagging = Answer(200, {"registrants": everybody, "next_page_token": "", "total_records": 3})
    monkeypatch.setattr(world.sandbox, "_answer", answering(world, ABSENTEES, lagging))
    assert by_kind(read(zoom)[0])["absent"] == ["cecilia"]


def test_only_the_kinds_asked_for_are_fetched(world: World) -> None:
    evening(world)
    kinds = {
        "/participants": {ActivityKind.ATTENDED},
        "/absentees": {ActivityKind.ABSENT},
        "/qa": {ActivityKind.QUESTION},
        "/polls": {ActivityKind.POLL},
        "/questions": {ActivityKind.REGISTERED, ActivityKind.CANCELLED},
    }
    for ending, asked in kinds.items():
        world.sandbox.journal.clear()
        activities, _, _ = read(world.open(kinds=asked))
        assert {one.kind for one in activities} <= asked
        called = [one for one in kinds if world.calls("GET", ending=one)]
        assert called == ([] if ending == "/questions" else [ending])
    assert read(world.open())[0] == []


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_uuid_with_slashes_finds_its_report(world: World, zoom: Zoom, n: int) -> None:
    evening(world, uuid=uuid_of(WEBINAR, n))
    assert by_kind(read(zoom)[0])["attended"] == ["aino", "bertta"]


def test_a_guest_is_known_by_the_registration_alone(world: World, zoom: Zoom) -> None:
    world.sandbox.register(MANUAL, "d@kuviteltu.example", org="Oy")
    guests = [
        {"email": CECILIA, "guest": True},  # no address, but the registrant's id
        {"name": "Matti Vieras", "guest": True, "registrant_id": ""},  # neither
        {"email": "juontaja@crowst.example", "name": "Juontaja"},  # never registered
    ]
    evening(world, attended=guests)
    activities, rejected, _ = read(zoom)
    assert by_kind(activities)["attended"] == ["aino", "bertta", "cecilia"]
    assert "absent" not in by_kind(activities)
    assert len([row for row in rejected if row.id.startswith("attended:")]) == 2
    for row in rejected:
        assert row.reason.startswith("no-registrant")
        assert not any(word in row.raw.casefold() for word in ("vieras", "juontaja", "@"))
        assert json.loads(row.raw)["session"]


def test_reports_bring_nobody_back_who_was_erased(world: World, zoom: Zoom) -> None:
    evening(world)
    world.sandbox.delete(WEBINAR, AINO)
    pages = list(zoom.activities("registrants", SCOPE, None))
    assert by_kind(told(pages)) == {
        "registered": ["bertta", "cecilia"],
        "attended": ["bertta"],
        "absent": ["cecilia"],
        "poll": ["bertta"],
    }
    assert AINO not in "".join(row.raw + row.id for page in pages for row in page.rejected)


def test_a_webinar_not_yet_held_has_no_reports(world: World, zoom: Zoom) -> None:
    world.sandbox.register(WEBINAR, AINO)
    read(zoom)
    assert not world.calls(ending="/participants")


def test_many_registrations_come_in_pages(world: World, zoom: Zoom) -> None:
    world.seed(*({"email": f"h{n}@kuviteltu.example"} for n in range(650)))
    pages = list(zoom.activities("registrants", SCOPE, None))
    assert [len(page.activities) for page in pages] == [300, 300, 50, 0]
    rest = list(zoom.activities("registrants", SCOPE, pages[0].cursor))
    assert len({one.id for one in told([pages[0], *rest])}) == 650


def test_taken_up_page_by_page_nothing_is_lost_and_the_end_is_reached(world: World) -> None:
    """Each time by another process, and with more of everything than a page."""
    people = [f"h{n}@kuviteltu.example" for n in range(650)]
    world.seed(*({"email": one, "status": "denied"} for one in people[:320]))
    world.seed(*({"email": one} for one in people[320:]))
    world.clock.advance(18 * DAY + 6 * 3600)
    for n in range(2):  # neither is settled yet, so each read tells of both again
        world.sandbox.hold(WEBINAR, attended=people[320:], uuid=uuid_of(WEBINAR, n))
    cursor: str | None = None
    cursors: list[str | None] = []
    activities: dict[str, Activity] = {}
    while cursor not in cursors and len(cursors) < 50:
        cursors.append(cursor)
        page = next(iter(world.open(kinds=KINDS).activities("registrants", SCOPE, cursor)))
        activities |= {one.id: one for one in page.activities}
        cursor = page.cursor
        world.clock.advance(60)
    counts = {kind: len(some) for kind, some in by_kind(list(activities.values())).items()}
    assert counts == {"registered": 650, "cancelled": 320, "attended": 660}


def test_reports_of_long_ago_are_no_longer_told(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening(world)

    def too_old(self: Any, call: Any) -> Any:
        from plugins.webinar.sandbox_webinar import Refused

        raise Refused(400, 12702, "Can not access a webinar a year ago.")

    monkeypatch.setattr(type(world.sandbox), "_held", too_old)
    assert by_kind(read(zoom)[0]) == {"registered": ["aino", "bertta", "cecilia"]}


@pytest.mark.parametrize("kind", [FaultKind.TORN, FaultKind.EMPTY, FaultKind.HTML])
@pytest.mark.parametrize("route", ["instances", "participants", "absentees", "qa", "polls"])
def test_a_report_that_cannot_be_read_is_an_error(
    world: World, zoom: Zoom, kind: FaultKind, route: str
) -> None:
    evening(world)
    world.sandbox.faults.append(Fault(kind, route=f"{route}$"))
    with pytest.raises(BadAnswer) as error:
        read(zoom)
    assert "kuviteltu" not in str(error.value)


def test_what_is_missing_is_named(world: World, zoom: Zoom) -> None:
    evening(world)
    app = world.sandbox.access.apps[0]
    app.scopes = tuple(one for one in app.scopes if "qna" not in one)
    with pytest.raises(MissingScope, match="qna"):
        read(zoom)
    with pytest.raises(Misconfigured):
        list(zoom.activities("registrants", "99", None))
    with pytest.raises(BadAnswer):
        list(zoom.activities("registrants", SCOPE, "x"))
