"""`hub rights`, `hub audit` and `hub notices`, from the first letter to the proof."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.commands import Commands, members, over, varied

from hub.sandbox_world import SandboxWorld, sandboxes
from hub.store import rights_tables
from hub.store.schema import open_store

SHEET = """\
  paper-forms:
    plugin: manual
    owner: crowst
    location: {country: FI}
    settings:
      contact: Tilintarkastus Oy
      instructions: {fi: "Mappi on hyllyssä B.", en: "The binder is on shelf B."}
      within: 3d
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxWorld]:
    """A world in step, with a binder of paper forms besides."""
    with sandboxes(people=25, seed=5, home=tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest.fixture(scope="module")
def hub(world: SandboxWorld, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    config = varied(
        tmp_path_factory.mktemp("config"),
        ("systems:\n  crowst-crm:", f"systems:\n{SHEET}\n  crowst-crm:"),
    )
    commands = over(world, config)
    commands.ok("keys", "confirm-kept")
    commands.ok("sync")
    return commands


def somebody(world: SandboxWorld, nth: int = 0) -> str:
    listed = members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
    return str(listed[nth]["email_address"])


def confirm_all(hub: Commands, number: int) -> None:
    for task in hub.ok("rights", "show", str(number), "--json").json["tasks"]:
        if task["state"] == "awaiting_external":
            hub.ok(
                "rights", "confirm", str(task["id"]), "--by", "Aino Virta", "--statement", "Tehty"
            )


def test_an_erasure_goes_from_the_letter_to_the_proof(hub: Commands, world: SandboxWorld) -> None:
    who = somebody(world)
    opened = hub.ok(
        "rights",
        "open",
        "erasure",
        "--email",
        who,
        "--controller",
        "crowst",
        "--name",
        "Väinö Kivi",
        "--json",
    ).json
    n = str(opened["id"])
    assert (opened["state"], opened["fresh"]) == ("identity_pending", True)
    again = hub.ok("rights", "open", "erasure", "--email", who.upper(), "--controller", "crowst")
    assert "already" in again.out
    assert hub("rights", "approve", n, "--yes").code == 1  # nobody knows who asks
    hub.ok("rights", "identify", n, "--how", "known-to-handler", "--note", "soitettu takaisin")
    planned = hub.ok("rights", "show", n, "--json").json
    assert planned["state"] == "planned"
    assert {step["system"] for step in planned["plan"]["steps"]} >= {
        "crowst-crm",
        "crowst-mailer",
        "paper-forms",
    }
    shown = hub.ok("rights", "show", n).out
    assert planned["plan_hash"] in shown
    assert planned["plan_hash"][:12] in shown
    assert who not in shown
    assert "Kivi" not in shown
    dry = hub.ok("rights", "dry-run", n).out
    assert "a tool without an interface" in dry
    asked = hub("rights", "approve", n, typed="n\n")
    assert (asked.code, hub.ok("rights", "show", n, "--json").json["state"]) == (3, "planned")
    assert hub("rights", "approve", n, "--plan", "0" * 12, "--yes").code == 3
    hub.ok("rights", "approve", n, "--plan", planned["plan_hash"][:10], "--yes")
    waiting = hub.ok("rights", "show", n, "--json").json
    assert waiting["state"] == "awaiting_external"
    (paper,) = [one for one in waiting["tasks"] if one["system"] == "paper-forms"]
    assert (paper["state"], paper["reason"]) == ("awaiting_external", "manual-system")
    assert str(paper["id"]) in paper["mend"]
    told = hub.ok("rights", "instructions", str(paper["id"])).out
    assert "Mappi on hyllyssä B." in told
    assert "Tilintarkastus Oy" in told
    confirm_all(hub, int(n))
    done = hub.ok("rights", "show", n, "--json").json
    assert done["state"] == "notifying"
    assert {one["state"] for one in done["tasks"]} == {"confirmed", "verified"}
    hub.ok("rights", "notified", n, "--how", "email", "--text", "Tietosi on poistettu.")
    closed = hub.ok("rights", "show", n, "--json").json
    assert closed["state"] == "closed"
    assert closed["watch_at"]
    nobody = hub("person", who, "--controller", "crowst")
    assert "erasure block" in nobody.out or "erased" in nobody.out or nobody.code == 1
    hub.ok("audit", "verify")
