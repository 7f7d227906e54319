"""Finding a person in the whole account, telling all that is held, erasing, and reading it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub.api import (
    Act,
    BadAnswer,
    Capability,
    ConnectorError,
    Erases,
    Exports,
    Held,
    Locates,
    Misconfigured,
    MissingScope,
    RecordState,
    Rectifies,
    Ref,
    Restricts,
    Sought,
    Verdict,
    Verifies,
)
from hub.testing.factories import write
from hub.testing.sandbox import Fault, FaultKind
from plugins.webinar.connector import WEBINAR as TYPE
from plugins.webinar.zoom import Zoom
from tests.contract.webinar.conftest import (
    AINO,
    BERTTA,
    CROWST,
    ELSEWHERE,
    MANUAL,
    SCOPE,
    WEBINAR,
    World,
)

FORMER = "aino.entinen@kuviteltu.example"


@pytest.fixture
def zoom(world: World) -> Zoom:
    """Syncs one webinar of three."""
    return world.open(scopes=(WEBINAR,), other_users=["toinen@crowst.example"])


def registered(world: World) -> None:
    """Aino in three webinars and three statuses; Bertta in one."""
    answers = {CROWST: "Kyllä"}
    world.sandbox.register(WEBINAR, AINO, answers, org="Kuviteltu Oy", phone="040 123 4567")
    world.sandbox.register(WEBINAR, BERTTA)
    world.sandbox.register(MANUAL, AINO.upper(), org="Kuviteltu Oy")
    world.seed({"email": FORMER, "status": "denied"}, webinar=ELSEWHERE)


def found(held: Any) -> set[tuple[str, str, str]]:
    return {(one.ref.scope, one.by, one.state.value) for one in held}


def ref_of(world: World, email: str, webinar: int = WEBINAR) -> Ref:
    return Ref("registrants", str(webinar), world.id_of(email, webinar), email)


def test_what_is_declared_is_there(zoom: Zoom) -> None:
    for protocol in (Locates, Exports, Erases, Verifies):
        assert isinstance(zoom, protocol)
    for lacking in (Rectifies, Restricts):
        assert not isinstance(zoom, lacking)
    assert not TYPE.capabilities & {Capability.RECTIFY, Capability.RESTRICT}


def located(connector: Locates, **sought: Any) -> Sequence[Held]:
    (held,) = connector.locate([Sought(**sought)])
    return held


def test_every_webinar_and_status_is_looked_through(world: World, zoom: Zoom) -> None:
    registered(world)
    held = located(zoom, emails=(AINO, FORMER))
    assert found(held) == {
        (SCOPE, "email", "live"),
        (str(MANUAL), "email", "live"),
        (str(ELSEWHERE), "email", "archived"),
    }
    assert len({one.ref for one in held}) == 3
    assert all(one.certain and one.ref.id for one in held)


def test_every_page_of_a_users_webinars_is_looked_through(world: World, zoom: Zoom) -> None:
    """That list is paged by number: a page token, which it gives, it does not take."""
    many = [{"id": 92000000000 + n, "start_time": "2026-02-01T12:00:00Z"} for n in range(310)]
    world.sandbox.seed({"webinars": many})
    world.seed({"email": AINO}, webinar=92000000309)
    world.sandbox.access.plan = "business"
    assert found(located(zoom, emails=(AINO,))) == {("92000000309", "email", "live")}


def test_a_linked_record_is_found_by_its_id(world: World, zoom: Zoom) -> None:
    registered(world)
    ref = Ref("registrants", str(ELSEWHERE), world.id_of(FORMER, ELSEWHERE))
    assert found(located(zoom, refs=(ref,))) == {(str(ELSEWHERE), "link", "archived")}


@pytest.mark.parametrize(
    ("phone", "hit"), [("+358401234567", True), ("+358401234568", False), ("+46401234567", True)]
)
def test_a_phone_number_alone_is_a_weak_match(
    world: World, zoom: Zoom, phone: str, hit: bool
) -> None:
    registered(world)
    held = located(zoom, phones=(phone,))
    expected = [Held(ref_of(world, AINO), "phone", RecordState.LIVE, certain=False)]
    assert held == (expected if hit else [])


def test_nobody_is_found_where_nobody_is(world: World, zoom: Zoom) -> None:
    registered(world)
    assert located(zoom, emails=("tuntematon@kuviteltu.example",)) == []
    assert located(zoom) == []


def test_an_incomplete_search_is_an_error(world: World, zoom: Zoom) -> None:
    registered(world)
    for route in ("webinars$", "registrants$"):
        world.sandbox.faults = [Fault(FaultKind.SERVER_ERROR, route=route)]
        with pytest.raises(ConnectorError):
            located(zoom, emails=(AINO,))
    world.sandbox.faults = []
    world.seed({"email": AINO, "id": "", "create_time": "eilen"}, webinar=ELSEWHERE)
    with pytest.raises(BadAnswer) as error:
        located(zoom, emails=(AINO,))
    assert "aino" not in str(error.value)
    with pytest.raises(Misconfigured, match="user"):
        located(world.open(other_users=["kukaan"]), emails=(AINO,))


def test_a_row_that_cannot_be_understood_may_be_the_persons(world: World, zoom: Zoom) -> None:
    """Also where only the hub's link says whose it is, or the address is not in ASCII."""
    linked = {"email": BERTTA, "id": "vanha", "create_time": "eilen"}
    foreign = {"email": "päivi@hämäläinen.example", "create_time": "eilen"}
    world.seed(linked, foreign, webinar=ELSEWHERE)
    ref = Ref("registrants", str(ELSEWHERE), "vanha")
    for sought in ({"refs": (ref,)}, {"emails": ("päivi@hämäläinen.example",)}):
        with pytest.raises(BadAnswer):
            located(zoom, **sought)
    assert located(zoom, emails=(AINO,)) == []


def test_a_webinar_that_is_gone_holds_nobody(world: World, zoom: Zoom) -> None:
    registered(world)
    gone = Ref("registrants", "91000000099", "x")
    assert len(located(zoom, emails=(AINO,), refs=(gone,))) == 2


def test_all_that_is_held_is_exported(world: World, zoom: Zoom) -> None:
    registered(world)
    world.clock.advance(20 * 86400)
    asked = [{"email": AINO, "question": "Saako kalvot?", "answer": "Saa"}]
    world.sandbox.hold(WEBINAR, attended=[AINO], qa=asked, polls=asked)
    absent = Ref("registrants", SCOPE, "olematon")
    (exported, other) = zoom.export([ref_of(world, AINO), absent, ref_of(world, BERTTA)])
    registration = exported.values["registration"]
    assert (registration["org"], registration["status"]) == ("Kuviteltu Oy", "approved")
    assert {"title": CROWST, "value": "Kyllä"} in registration["custom_questions"]
    assert exported.values["webinar"]["topic"] == "Syksyn webinaari"
    kinds = {one.kind.value for one in exported.activities}
    assert kinds == {"registered", "attended", "question", "poll"}
    assert {one.kind.value for one in other.activities} == {"registered", "absent"}
    assert AINO not in str(other)


def test_erasing_deletes_by_id_and_reads_back(world: World, zoom: Zoom) -> None:
    registered(world)
    refs = [ref_of(world, AINO), ref_of(world, FORMER, ELSEWHERE)]
    before = zoom.verify(refs, Act.ERASE)
    assert [(one.done, one.code) for one in before] == [(False, "still-there")] * 2
    results = zoom.erase("registrants", [write(ref) for ref in refs])
    assert [(one.verdict, one.reason) for one in results] == [(Verdict.OK, "erased")] * 2
    again = zoom.erase("registrants", [write(ref) for ref in refs])
    assert [(one.verdict, one.reason) for one in again] == [(Verdict.OK, "absent")] * 2
    after = zoom.verify(refs, Act.ERASE)
    assert [(one.ref, one.done, one.code) for one in after] == [
        (ref, True, "removed-from-api") for ref in refs
    ]
    assert set(found(located(zoom, emails=(AINO, FORMER)))) == {(str(MANUAL), "email", "live")}
    assert world.webinar.holding(BERTTA) is not None


def test_an_erasure_without_an_id_is_refused(world: World, zoom: Zoom) -> None:
    registered(world)
    (result,) = zoom.erase("registrants", [write(Ref("registrants", SCOPE, "", AINO))])
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, "no-id")
    assert world.webinar.holding(AINO) is not None


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize(
    "kind",
    ["429", "500", "403", "drop", "drop-after", "torn", "empty", "html"],
)
def test_an_erasure_ends_as_it_is_told(
    world: World, zoom: Zoom, kind: str, times: int | None
) -> None:
    registered(world)
    ref = ref_of(world, AINO)
    world.sandbox.faults = [Fault(FaultKind(kind), "DELETE", times=times, value=1.0)]
    (result,) = zoom.erase("registrants", [write(ref)])
    world.sandbox.faults = []
    gone = world.webinar.holding(AINO) is None
    assert result.verdict in (Verdict.OK, Verdict.RETRYABLE, Verdict.UNKNOWN)
    assert result.verdict is not Verdict.OK or gone
    assert result.verdict is not Verdict.RETRYABLE or not gone


@pytest.mark.parametrize("kind", ["500", "403", "drop", "torn", "empty", "html"])
def test_nothing_is_verified_by_a_call_that_fails(world: World, zoom: Zoom, kind: str) -> None:
    registered(world)
    world.sandbox.faults = [Fault(FaultKind(kind), "GET")]
    with pytest.raises(ConnectorError):
        zoom.verify([ref_of(world, AINO)], Act.ERASE)


def test_an_act_that_is_not_done_here_is_never_verified(world: World, zoom: Zoom) -> None:
    registered(world)
    for act in (Act.RESTRICT, Act.LIFT):
        (one,) = zoom.verify([ref_of(world, AINO)], act)
        assert not one.done


def test_a_missing_scope_to_delete_is_named(world: World, zoom: Zoom) -> None:
    registered(world)
    app = world.sandbox.access.apps[0]
    app.scopes = tuple(one for one in app.scopes if "delete" not in one)
    with pytest.raises(MissingScope, match="webinar:delete:registrant:admin"):
        zoom.erase("registrants", [write(ref_of(world, AINO))])


def test_what_may_remain_is_told_in_three_languages() -> None:
    assert {one.code for one in TYPE.residuals} == {"reports", "recordings"}
    for one in TYPE.residuals:
        assert one.act is Act.ERASE
        assert set(one.instructions) == {"fi", "sv", "en"}


def test_the_reports_do_keep_an_erased_person(world: World, zoom: Zoom) -> None:
    """Why there is a manual task: the sandbox takes the worse of what is not documented."""
    registered(world)
    world.clock.advance(20 * 86400)
    world.sandbox.hold(WEBINAR, attended=[AINO])
    zoom.erase("registrants", [write(ref_of(world, AINO))])
    assert world.webinar.instances[0].attended[0]["user_email"] == AINO
