"""Reading registrants: three statuses, lists that move, tokens that end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.vendor import by_email

from hub.api import (
    BadAnswer,
    Misconfigured,
    MissingScope,
    RecordState,
    Ref,
    Stance,
    Unavailable,
)
from hub.testing.sandbox import Answer, Call
from plugins.webinar.sandbox import ZoomSandbox
from plugins.webinar.zoom import Zoom
from plugins.webinar.zoom_mapping import NAMELESS, RegistrantMapper
from tests.contract.webinar.conftest import (
    AINO,
    BANGERI,
    BERTTA,
    CECILIA,
    CROWST,
    MANUAL,
    SCOPE,
    TEAM,
    WEBINAR,
    World,
)


def read(zoom: Zoom, scope: int | str = SCOPE, cursor: str | None = None) -> Any:
    return by_email(zoom.read("registrants", str(scope), cursor))


def states(zoom: Zoom) -> dict[str, str]:
    return {email: record.state.value for email, record in read(zoom, MANUAL).items()}


def test_three_statuses_are_two_states(world: World, zoom: Zoom) -> None:
    for email in (AINO, BERTTA, CECILIA):
        world.sandbox.register(MANUAL, email, org="Oy")
    world.sandbox.approve(MANUAL, AINO)
    world.sandbox.deny(MANUAL, BERTTA)
    assert states(zoom) == {AINO: "live", BERTTA: "archived", CECILIA: "live"}


def test_a_cancellation_is_no_withdrawal_and_not_stale(world: World, zoom: Zoom) -> None:
    world.sandbox.register(WEBINAR, AINO, {CROWST: "Kyllä"})
    before = read(zoom)[AINO]
    world.clock.advance(3600)
    world.sandbox.cancel(WEBINAR, AINO)
    after = read(zoom)[AINO]
    assert after.state is RecordState.ARCHIVED
    assert after.consents == before.consents, "what was consented to stands"
    assert after.version >= before.version, "it must not be taken for older than what is known"
    world.clock.advance(3600)
    world.sandbox.register(WEBINAR, AINO)
    back = read(zoom)[AINO]
    assert (back.state, back.ref.id) == (RecordState.LIVE, before.ref.id)
    assert back.version > after.version


def test_a_registration_is_an_act_of_the_person(world: World, zoom: Zoom) -> None:
    world.sandbox.register(MANUAL, AINO, org="Oy")
    registered_at = world.clock.now()
    world.clock.advance(3600)
    world.sandbox.deny(MANUAL, AINO)
    denied = read(zoom, MANUAL)[AINO]
    assert (denied.act, denied.acted_at) == ("registration", registered_at)
    world.sandbox.register(MANUAL, AINO, org="Oy")
    again = read(zoom, MANUAL)[AINO]
    assert (again.act, again.acted_at) == ("registration", world.clock.now())
    (fetched,) = zoom.fetch("registrants", [again.ref])
    assert fetched == again


def moving(world: World, monkeypatch: pytest.MonkeyPatch, after: str, act: Any) -> None:
    """Something happens just after the list of that status was read for the first time."""
    real = ZoomSandbox._answer
    waiting = [act]

    def answer(self: ZoomSandbox, call: Call, endpoint: Callable[..., Answer]) -> Answer:
        told = real(self, call, endpoint)
        if waiting and call.query.get("status") == after:
            waiting.pop()()
        return told

    monkeypatch.setattr(ZoomSandbox, "_answer", answer)


@pytest.mark.parametrize("after", ["denied", "pending", "approved"])
@pytest.mark.parametrize(
    ("start", "moves"),
    [
        ("pending", ["approve"]),
        ("pending", ["deny"]),
        ("approved", ["cancel"]),
        ("denied", ["approve"]),
        ("denied", ["approve", "cancel"]),
    ],
)
def test_who_moves_between_lists_is_in_one_of_them(
    world: World,
    zoom: Zoom,
    monkeypatch: pytest.MonkeyPatch,
    after: str,
    start: str,
    moves: list[str],
) -> None:
    world.seed({"email": AINO, "status": start}, {"email": BERTTA}, webinar=MANUAL)

    def act() -> None:
        for move in moves:
            getattr(world.sandbox, move)(MANUAL, AINO)

    moving(world, monkeypatch, after, act)
    pages = list(zoom.read("registrants", str(MANUAL), None))
    assert pages[-1].complete
    assert set(by_email(pages)) == {AINO, BERTTA}


def test_a_list_that_shrinks_between_its_pages_is_read_again(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(*({"email": f"henkilo{n:03}@kuviteltu.example"} for n in range(310)))
    gone = world.webinar.in_status("approved")[0].id
    moving(world, monkeypatch, "approved", lambda: world.webinar.registrants.pop(gone))
    assert set(read(zoom)) == {row.email for row in world.webinar.registrants.values()}


def test_a_list_that_never_stands_still_is_unavailable(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(*({"email": f"henkilo{n:03}@kuviteltu.example"} for n in range(310)))
    real = ZoomSandbox._answer

    def answer(self: ZoomSandbox, call: Call, endpoint: Callable[..., Answer]) -> Answer:
        told = real(self, call, endpoint)
        if call.template.endswith("registrants"):
            self.webinars[WEBINAR].registrants.popitem()
        return told

    monkeypatch.setattr(ZoomSandbox, "_answer", answer)
    with pytest.raises(Unavailable, match="kept changing"):
        read(zoom)


def test_a_page_token_that_ends_meanwhile_is_begun_anew(
    world: World, zoom: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(*({"email": f"henkilo{n:03}@kuviteltu.example"} for n in range(310)))
    moving(world, monkeypatch, "approved", lambda: world.clock.advance(16 * 60))
    assert len(read(zoom)) == 310


def test_pages_come_in_the_order_of_registration(world: World, zoom: Zoom) -> None:
    times = [f"2026-10-{day:02}T08:00:00Z" for day in (9, 3, 7)]
    people = (AINO, BERTTA, CECILIA)
    world.seed(*({"email": e, "create_time": t} for e, t in zip(people, times, strict=True)))
    (page,) = zoom.read("registrants", SCOPE, None)
    assert [record.version for record in page.records] == sorted(times)
    assert AINO not in page.cursor


def test_a_cursor_is_ours(zoom: Zoom) -> None:
    for cursor in ("x", "{}", "[]", '{"full": true, "after": 7}'):
        with pytest.raises(BadAnswer, match="cursor"):
            list(zoom.read("registrants", SCOPE, cursor))


def test_an_unknown_webinar_is_misconfigured(zoom: Zoom) -> None:
    with pytest.raises(Misconfigured, match="99"):
        read(zoom, 99)
    assert zoom.fetch("registrants", [Ref("registrants", "99", "x"), Ref("", "99", "", AINO)]) == [
        None,
        None,
    ]


def test_a_missing_scope_is_named(world: World, zoom: Zoom) -> None:
    world.sandbox.access.apps[0].scopes = ()
    with pytest.raises(MissingScope) as error:
        read(zoom)
    assert error.value.scope == "webinar:read:list_registrants:admin"


def test_only_what_is_mapped_leaves_the_connector(world: World) -> None:
    world.sandbox.register(WEBINAR, AINO, {TEAM: "Ystävältä", CROWST: "Kyllä"}, org="Oy")
    record = read(world.open(fields=("email", "org"), topics=()))[AINO]
    assert record.fields == {"email": AINO, "org": "Oy"}
    assert record.consents == ()


@pytest.mark.parametrize(
    ("title", "answer", "stance"),
    [
        (CROWST, "Kyllä", Stance.YES),
        (CROWST, "Ei", Stance.UNSTATED),
        (CROWST, "", Stance.UNSTATED),
        (BANGERI, "Ja", Stance.YES),
        (BANGERI, "ja; Kyllä", Stance.YES),
        (BANGERI, "ja; Nej", Stance.UNSTATED),
        (BANGERI, "Ja,Nej", Stance.UNSTATED),
        (TEAM, "Kyllä, mutta ei sähköpostia", Stance.UNSTATED),
        (BANGERI, "Nej", Stance.UNSTATED),
        (BANGERI, "Jaa", Stance.UNSTATED),
    ],
)
def test_what_an_answer_says(world: World, title: str, answer: str, stance: Stance) -> None:
    world.seed({"email": AINO, "answers": {title: answer}})
    zoom = world.open(topics=(CROWST, BANGERI, TEAM))
    found = {consent.topic: consent for consent in read(zoom)[AINO].consents}
    assert found[title].stance is stance
    if stance is Stance.YES:
        assert found[title].at == world.clock.now()
        assert found[title].act == "form"
        assert found[title].evidence == {"wording": title, "answer": answer}
    else:
        assert (found[title].at, found[title].act) == (None, None)


def test_each_controllers_question_is_its_own(world: World, zoom: Zoom) -> None:
    world.seed({"email": AINO, "answers": {CROWST: "Kyllä"}})
    said = {one.topic: one.stance for one in read(zoom)[AINO].consents}
    assert said == {CROWST: Stance.YES, BANGERI: Stance.UNSTATED}


def test_answers_that_mean_yes_are_configured(world: World) -> None:
    world.seed({"email": AINO, "answers": {CROWST: "Kyllä", BANGERI: "Nej"}})
    record = read(world.open(yes_answers=["nej"]))[AINO]
    assert [one.stance for one in record.consents] == [Stance.UNSTATED, Stance.YES]


def test_a_question_that_is_not_asked_says_nothing(world: World, zoom: Zoom) -> None:
    world.seed({"email": AINO}, webinar=MANUAL)
    assert read(zoom, MANUAL)[AINO].consents == ()


@pytest.mark.parametrize(
    "row",
    [
        {"email": "ei-osoite"},
        {"email": None},
        {"email": AINO, "id": ""},
        {"email": AINO, "id": 5},
        {"email": AINO, "status": "waiting"},
        {"email": AINO, "create_time": "eilen"},
    ],
)
def test_a_row_outside_the_contract_is_rejected(world: World, row: dict[str, Any]) -> None:
    mapper = RegistrantMapper(("email",), (), ["Yes"])
    good = world.sandbox.webinars[WEBINAR]
    world.sandbox.register(WEBINAR, BERTTA)
    shown = {**good.show(good.find(BERTTA)), **row}
    with pytest.raises(ValueError, match=r"expected|ISO"):
        mapper.record(SCOPE, shown)


def test_a_rejected_row_comes_once_and_whole(world: World, zoom: Zoom) -> None:
    world.seed({"email": 17, "status": "denied"}, {"email": AINO})
    (page,) = zoom.read("registrants", SCOPE, None)
    (row,) = page.rejected
    assert json.loads(row.raw)["email"] == 17
    assert [record.ref.email for record in page.records] == [AINO]


def test_the_nameless_read_back_without_a_name(world: World, zoom: Zoom) -> None:
    world.seed({"email": AINO, "first_name": NAMELESS, "last_name": ""})
    record = read(zoom)[AINO]
    assert (record.fields["first_name"], record.fields["last_name"]) == (None, None)


def test_many_addresses_of_a_webinar_are_one_listing(world: World, zoom: Zoom) -> None:
    people = [f"henkilo{n}@kuviteltu.example" for n in range(20)]
    world.seed(*({"email": email} for email in people))
    refs = [Ref("registrants", SCOPE, "", email.upper()) for email in people]
    found = zoom.fetch("registrants", refs)
    assert [record and record.ref.email for record in found] == people
    assert len(world.calls("GET", ending="/registrants")) == 4
