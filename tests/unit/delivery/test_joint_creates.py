"""A record of a joint system that both controllers' persons ask for: made once, linked twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.accounts import Crm, open_accounts
from support.world import CONFIG, World, small_world

from hub.store.links import link
from hub.store.questions import review

WEBINAR = 91000000001
BERTTA = "bertta@kuviteltu.example"
PROJECT = "webinaari-syksy-2026"

JOINT = f"""
  joint-room:
    plugin: webinar
    project: {PROJECT}
    location: {{country: US, transfer: EU-US Data Privacy Framework}}
    settings: {{account_id: acc, client_id: hub, client_secret: s, base_url: "http://127.0.0.1"}}
    schedule: {{every: 1h}}
    streams:
      registrants:
        direction: both
        create: always
        scopes: ["{WEBINAR}"]
        fields: {{email: email, first_name: first_name, company: org}}
"""


@pytest.fixture
def joint(tmp_path: Path) -> Iterator[World]:
    """The sandbox world and a webinar of both companies to which the hub may register people."""
    text = CONFIG.read_text()
    text = text.replace("    systems: [", "    systems: [joint-room, ", 1)
    text = text.replace("\nsystems:\n", "\nsystems:" + JOINT, 1)
    config = tmp_path / "joint.yaml"
    config.write_text(text)
    with small_world(tmp_path / "home", config=config) as world:
        open_accounts(world)
        world.sandbox("joint-room").seed(
            {
                "apps": [{"account_id": "acc", "client_id": "hub", "client_secret": "s"}],
                "users": [{"id": "u1", "email": "webinaarit@crowst.example"}],
                "webinars": [{"id": WEBINAR, "start_time": "2026-11-20T12:00:00Z"}],
            }
        )
        yield world


def test_one_record_two_links_and_no_question(joint: World) -> None:
    Crm(joint, "crowst").add(BERTTA, first_name="Bertta", projects=PROJECT)
    assert joint.sync()
    (made,) = joint.sandbox("joint-room").webinars[WEBINAR].registrants.values()
    assert made.email == BERTTA
    with joint.deployment.database.begin() as connection:
        controllers = connection.execute(
            sa.select(link.c.controller).where(link.c.external_id == made.id)
        ).scalars()
        assert sorted(controllers) == ["bangeri", "crowst"]
        assert connection.execute(sa.select(review)).all() == []
