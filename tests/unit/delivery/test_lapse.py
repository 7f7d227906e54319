"""What was collected on a permission goes with it, whoever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import CONFIG, CRM, EventsWorld, events_world

from hub.api import Consent, Result, Stance, Verdict
from hub.cli.prohibit import _record
from hub.domain.plan import Plan
from hub.domain.rights import Right
from hub.rights import effects
from hub.rights.casefile import CaseFile
from hub.store import subjects

AINO = "aino@posti.example"


@pytest.fixture
def profiled(tmp_path: Path) -> Iterator[EventsWorld]:
    """Aino answered a poll, and had agreed to profiling before."""
    with events_world(tmp_path) as world:
        yes = Consent("profile", Stance.YES, world.clock.now(), "form")
        world.webinar.register("1", AINO, yes)
        world.clock.advance(60)
        world.webinar.did("1", "poll")
        world.webinar.did("1", "question")
        world.run()
        world.clock.advance(60)
        assert sorted(world.kinds(AINO)) == ["poll", "question"]
        yield world


@pytest.mark.parametrize("right", [Right.NO_AUTOMATED_DECISIONS, Right.OBJECTION])
def test_an_objection_takes_the_profiling_with_it(profiled: EventsWorld, right: Right) -> None:
    subject = profiled.person(AINO)
    assert subject is not None
    plan = Plan(right, ("crowst",), persons=(subject.id,))
    with profiled.deployment.database.begin() as connection:
        now = profiled.clock.now()
        effects.at_start(connection, profiled.deployment, 1, plan, CaseFile(AINO), now)
    assert profiled.kinds(AINO) == ["question"]


def test_a_whole_companys_no(profiled: EventsWorld) -> None:
    _record(profiled.hub, "crowst", "posti.example", "letter", json=True)
    assert profiled.kinds(AINO) == ["question"]


def test_a_refusal_that_a_vendor_tells_of_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CRM has a topic for profiling too, and knows that she does not want it."""
    news = "{topic: news, purpose: newsletter}"
    more = CONFIG.replace(news, f"{news}\n          - {{topic: profile, purpose: profiling}}", 1)
    with events_world(tmp_path, more) as world:
        yes = Consent("profile", Stance.YES, world.clock.now(), "form")
        world.webinar.register("1", AINO, yes)
        world.clock.advance(60)
        world.webinar.did("1", "poll")
        world.run()
        assert world.kinds(AINO) == ["poll"]
        world.tools[CRM].register("c1", AINO, scope="")
        monkeypatch.setattr(
            world.tools[CRM],
            "write_consents",
            lambda _, batch: [Result(one.key, Verdict.REFUSED, "compliance") for one in batch],
        )
        world.run(CRM)
        assert world.kinds(AINO) == []


def test_a_restriction_and_an_edit_end_no_permission(profiled: EventsWorld) -> None:
    with profiled.deployment.database.begin() as connection:
        subject = profiled.person_in(connection, AINO)
        assert subject is not None
        subject.restricted = subject.changed = True
        subjects.save(connection, [subject], profiled.clock.now())
    news = Consent("news", Stance.YES, profiled.clock.now(), "form")
    profiled.webinar.register("1", AINO, news)
    profiled.run()
    assert sorted(profiled.kinds(AINO)) == ["poll", "question"]
