"""Registering contacts: alone with answers, together without, and nobody twice."""

from __future__ import annotations

import pytest

from hub.api import (
    EXISTS,
    Consent,
    MissingScope,
    RecordState,
    Ref,
    Result,
    Stance,
    Verdict,
    Write,
)
from hub.testing.factories import no, write, yes
from hub.testing.sandbox import Fault, FaultKind
from plugins.webinar.zoom import Zoom
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


def creation(email: str, *consents: Consent, scope: str = SCOPE, **fields: str) -> Write:
    return write(
        fields={"email": email, "first_name": "Aino", "last_name": "Esimerkki", **fields},
        scope=scope,
        consents=consents,
    )


def sent(zoom: Zoom, *batch: Write) -> list[Result]:
    return list(zoom.write("registrants", batch))


def verdicts(results: list[Result]) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.reason) for one in results]


def test_contacts_without_answers_go_in_one_call(world: World, zoom: Zoom) -> None:
    people = [f"henkilo{n}@kuviteltu.example" for n in range(30)]
    results = sent(zoom, *(creation(email) for email in people))
    assert {one.verdict for one in results} == {Verdict.OK}
    assert [one.record and one.record.ref.email for one in results] == people
    assert [len(world.calls("POST", ending=e)) for e in ("batch_registrants", "/registrants")] == [
        1,
        0,
    ]


def test_consents_and_fields_go_one_by_one(world: World, zoom: Zoom) -> None:
    results = sent(
        zoom,
        creation(AINO, yes(CROWST), yes(BANGERI)),
        creation(BERTTA, org="Kuviteltu Oy", **{TEAM: "Kollegalta"}),
        creation(CECILIA),
    )
    assert {one.verdict for one in results} == {Verdict.OK}
    assert world.webinar.find(AINO).answers == {CROWST: "Kyllä", BANGERI: "Ja"}
    assert world.webinar.find(BERTTA).values == {"org": "Kuviteltu Oy"}
    assert world.webinar.find(BERTTA).answers == {TEAM: "Kollegalta"}
    assert not world.calls("POST", ending="batch_registrants")


def test_nothing_is_answered_for_a_person(world: World, zoom: Zoom) -> None:
    unstated = Consent(BANGERI, Stance.UNSTATED)
    (result,) = sent(zoom, creation(AINO, no(CROWST), unstated))
    assert result.verdict is Verdict.OK
    assert world.webinar.find(AINO).answers == {}


@pytest.mark.parametrize("status", ["approved", "pending", "denied"])
def test_whoever_is_there_is_left_alone(world: World, zoom: Zoom, status: str) -> None:
    world.seed({"email": AINO, "status": status, "org": "Vanha Oy"})
    before = world.sandbox.state()
    (result,) = sent(zoom, creation(AINO.upper(), yes(CROWST), org="Uusi Oy"))
    assert verdicts([result]) == [(Verdict.PERMANENT, EXISTS)]
    assert result.record is not None
    archived = status == "denied"
    assert (result.record.state is RecordState.ARCHIVED) is archived
    assert world.sandbox.state() == before


def test_a_contact_without_a_name_is_registered(world: World, zoom: Zoom) -> None:
    (result,) = sent(zoom, write(fields={"email": AINO, "last_name": None}, scope=SCOPE))
    assert result.verdict is Verdict.OK
    assert result.record is not None
    assert result.record.fields["first_name"] is None


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        (creation("ei-osoite"), "invalid-address"),
        (creation(AINO, yes("Ei kysytty")), "unknown-question"),
        (creation(AINO, **{"Ei kysytty": "x"}), "unknown-question"),
        (write(fields={"email": AINO, "org": ("a", "b")}, scope=SCOPE), "field-shape"),
        (creation(AINO, scope="99"), "no-such-webinar"),
        (creation(AINO, scope=str(MANUAL)), "field:org"),
        (write(Ref("registrants", SCOPE, "x", AINO), {"org": "Oy"}), "not-supported"),
    ],
)
def test_what_cannot_be_done_is_permanent(
    world: World, zoom: Zoom, intent: Write, reason: str
) -> None:
    good = creation(BERTTA, yes(CROWST))
    assert verdicts(sent(zoom, intent, good)) == [(Verdict.PERMANENT, reason), (Verdict.OK, "")]
    assert not any(row.email == AINO for row in world.webinar.registrants.values())


def test_a_question_without_a_yes_is_not_ticked(world: World) -> None:
    zoom = world.open(yes_answers=["Joo"])
    results = sent(zoom, creation(AINO, yes(CROWST)), creation(BERTTA, yes(TEAM)))
    assert verdicts(results) == [(Verdict.PERMANENT, "no-answer-means-yes"), (Verdict.OK, "")]
    assert world.webinar.find(BERTTA).answers == {TEAM: "Joo"}, "an open question is written to"


def test_a_yes_with_a_reservation_is_not_answered_for_anybody(world: World, zoom: Zoom) -> None:
    asked = {"title": "Lupa?", "type": "single_radio", "answers": ["Kyllä, mutta vain kirje", "Ei"]}
    world.sandbox.seed({"webinars": [{"id": WEBINAR, "custom_questions": [asked]}]})
    assert verdicts(sent(zoom, creation(AINO, yes("Lupa?")))) == [
        (Verdict.PERMANENT, "no-answer-means-yes")
    ]


def test_a_batch_that_is_refused_is_registered_one_by_one(world: World, zoom: Zoom) -> None:
    world.sandbox.seed({"webinars": [{"id": WEBINAR, "capacity": 2}]})
    results = sent(zoom, *(creation(email) for email in (AINO, BERTTA, CECILIA)))
    assert sorted(verdicts(results)) == [
        (Verdict.OK, ""),
        (Verdict.OK, ""),
        (Verdict.PERMANENT, "full"),
    ]


def test_both_controllers_may_register_one_person(world: World, zoom: Zoom) -> None:
    """One batch holds the deliveries of every controller of a joint system."""
    one, other = sent(zoom, creation(AINO, org="Kuviteltu Oy"), creation(AINO.upper()))
    assert (one.verdict, other.verdict, other.reason) == (Verdict.OK, Verdict.PERMANENT, EXISTS)
    assert other.record == one.record
    assert len(world.webinar.registrants) == 1


def test_a_lost_answer_is_unknown_and_read_back(world: World, zoom: Zoom) -> None:
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, "POST", "registrants", times=1))
    (result,) = sent(zoom, creation(AINO))
    assert result.verdict is Verdict.UNKNOWN
    world.sandbox.faults.clear()
    (found,) = zoom.fetch("registrants", [Ref("registrants", SCOPE, "", AINO)])
    assert found is not None
    assert verdicts(sent(zoom, creation(AINO))) == [(Verdict.PERMANENT, EXISTS)]


def test_made_but_not_seen_is_unknown(world: World, zoom: Zoom) -> None:
    world.sandbox.faults.append(Fault(FaultKind.SERVER_ERROR, "GET", r"\{registrant\}"))
    assert verdicts(sent(zoom, creation(AINO))) == [(Verdict.UNKNOWN, "not-read-back")]


def test_a_missing_scope_stops_the_batch(world: World, zoom: Zoom) -> None:
    app = world.sandbox.access.apps[0]
    app.scopes = tuple(one for one in app.scopes if "write:registrant" not in one)
    with pytest.raises(MissingScope, match="write:registrant"):
        sent(zoom, creation(AINO))


def at_the_days_limit(world: World, email: str) -> None:
    for _ in range(3):
        world.sandbox._count_registration(world.webinar, email)


def test_the_days_limit_of_one_registrant_is_waited_for(world: World, zoom: Zoom) -> None:
    at_the_days_limit(world, AINO)
    results = sent(zoom, creation(AINO, yes(CROWST)), creation(BERTTA, yes(CROWST)))
    assert [one.verdict for one in results] == [Verdict.RETRYABLE, Verdict.OK]
    assert results[0].retry_after == 16 * 3600, "from eight in the morning until midnight GMT"
    # and it holds back nobody else afterwards
    assert verdicts(sent(zoom, creation(CECILIA, yes(CROWST)))) == [(Verdict.OK, "")]
    world.clock.advance(16 * 3600)
    assert verdicts(sent(zoom, creation(AINO, yes(CROWST)))) == [(Verdict.OK, "")]


def test_one_registrant_at_the_days_limit_does_not_stop_a_batch(world: World, zoom: Zoom) -> None:
    at_the_days_limit(world, AINO)
    results = sent(zoom, creation(AINO), creation(BERTTA), creation(CECILIA))
    assert [one.verdict for one in results] == [Verdict.RETRYABLE, Verdict.OK, Verdict.OK]
    assert results[0].retry_after


def test_our_own_limits_keep_within_the_vendors(world: World, zoom: Zoom) -> None:
    people = [f"henkilo{n}@kuviteltu.example" for n in range(90)]
    world.seed(*({"email": email} for email in people))
    for email in people:  # one by one: the clock must not jump while another call is on its way
        assert zoom.fetch("registrants", [Ref("registrants", SCOPE, world.id_of(email))])[0]
    assert not [one for one in world.sandbox.journal if one["status"] == 429]
    assert sum(world.clock.slept) > 1, "the clock was waited for"


def test_without_our_limits_the_vendor_refuses(world: World, zoom: Zoom) -> None:
    world.sandbox.register(WEBINAR, AINO)
    path = f"/v2/webinars/{SCOPE}/registrants/{world.id_of(AINO)}"
    zoom.fetch("registrants", [Ref("registrants", SCOPE, "", AINO)])
    token = {"authorization": f"Bearer {next(iter(world.sandbox.access.tokens))}"}
    answers = [world.sandbox.handle("GET", path, "", token, b"") for _ in range(31)]
    assert [one.status for one in answers] == [200] * 30 + [429]
    assert answers[-1].headers["X-RateLimit-Category"] == "Light"
    world.clock.advance(1)
    assert world.sandbox.handle("GET", path, "", token, b"").status == 200


def test_the_days_limit_of_the_account(world: World, zoom: Zoom) -> None:
    zoom.fetch("registrants", [Ref("registrants", SCOPE, "", AINO)])
    token = {"authorization": f"Bearer {next(iter(world.sandbox.access.tokens))}"}
    day = world.clock.now().date().isoformat()
    world.sandbox.access.daily[(day, "Heavy")] = 30_000
    path = f"/v2/report/webinars/{SCOPE}/participants"
    answer = world.sandbox.handle("GET", path, "", token, b"")
    assert (answer.status, answer.headers["X-RateLimit-Type"]) == (429, "Daily-limit")
