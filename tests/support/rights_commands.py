"""`hub rights` over a world in step, with a binder of paper forms besides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hub.sandbox_world import SandboxWorld
from support.commands import Commands, members, over, varied

BINDER = """\
systems:
  paper-forms:
    plugin: manual
    owner: crowst
    location: {country: FI}
    settings:
      contact: Tilintarkastus Oy
      instructions: {fi: "Mappi on hyllyssä B.", en: "The binder is on shelf B."}
      within: 3d

  crowst-crm:"""


def commands_in(world: SandboxWorld, folder: Path) -> Commands:
    """`hub` over a world in step, with a binder of paper forms besides. Each test takes somebody
    else of its people."""
    commands = over(world, varied(folder, ("systems:\n  crowst-crm:", BINDER)))
    commands.ok("keys", "confirm-kept")
    commands.ok("sync")
    return commands


def somebody(world: SandboxWorld, nth: int) -> str:
    listed = members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
    return sorted(str(one["email_address"]) for one in listed)[nth]


def asked(hub: Commands, right: str, who: str, *more: str) -> str:
    opened = hub.ok(
        "rights", "open", right, "--email", who, "--controller", "crowst", *more, "--json"
    )
    return str(opened.json["id"])


def planned(hub: Commands, right: str, who: str, *more: str) -> str:
    number = asked(hub, right, who, *more)
    hub.ok("rights", "identify", number, "--how", "known-to-handler", "--note", "soitettu takaisin")
    return number


def shown(hub: Commands, number: str) -> dict[str, Any]:
    found: dict[str, Any] = hub.ok("rights", "show", number, "--json").json
    return found


def confirm_all(hub: Commands, number: str) -> None:
    """Do what is a person's: judge what may be somebody else's, confirm what is done by hand."""
    for task in shown(hub, number)["tasks"]:
        if task["reason"] == "weak-match":
            every = hub.ok("rights", "match", str(task["id"]), "--json").json
            which = [word for one in every for word in ("--record", str(one["record"]))]
            hub.ok("rights", "match", str(task["id"]), "--other", *which)
    for task in shown(hub, number)["tasks"]:
        if task["state"] == "awaiting_external":
            by = ("--by", "Aino Virta", "--statement", "Tehty.")
            hub.ok("rights", "confirm", str(task["id"]), *by)


def events(hub: Commands, number: str) -> list[str]:
    return [one["event"] for one in shown(hub, number)["timeline"]]


def other_person(hub: Commands) -> Commands:
    """The same commands at another handler's terminal."""
    return replace(hub, login="toinen")
