"""`hub prohibit`"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    ask_daemon,
    command,
    opened,
    require_controller,
)
from hub.cli.show import counts, out, print_json, progress
from hub.delivery.fanout import fan_out
from hub.delivery.lapse import lapse
from hub.opening import Hub
from hub.store import normalise, overview, people, subjects
from hub.vault.database import ids, read_only

app = typer.Typer()

_PAGE = 500


@app.command()
@command
def prohibit(
    domain: Annotated[str, typer.Argument(help="The company's mail domain: esimerkki.example")],
    controller: Annotated[str, typer.Option(help="To whom the company said no.")],
    source: Annotated[
        str, typer.Option(help="How it was said: a letter of 2026-11-02, a call…")
    ] = "recorded by the operator",
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record a whole company's no to marketing: every address of its domain is refused, at once
    and everywhere, also addresses that come later. Only each person's own later consent counts
    against it."""
    plain = _plain(domain)
    with opened(config, sandbox=sandbox) as hub:
        require_controller(hub.settings, controller)
        known, persons, fanned = _record(hub, controller, plain, source, json=json)
        for system in fanned:
            ask_daemon(hub, "send", system)
    if json:
        print_json({"new": not known, "persons": persons, "refusals": dict(fanned)})
        return
    name = hub.settings.landscape.controllers[controller].name
    console = out()
    if known:
        console.print(f"{name} had recorded that already.")
    else:
        console.print(f"Recorded: nobody of {plain} is mailed by {name} any more.")
    told = f"; to be written: {counts(fanned)}" if fanned else ""
    console.print(f"{persons} known persons have an address there{told}.")


def _plain(domain: str) -> str:
    try:
        address = normalise.email(f"postmaster@{domain.strip().removeprefix('@')}")
    except normalise.Malformed:
        raise Stop(
            f"{domain} is no mail domain", "write what follows the @, and nothing else", Code.USAGE
        ) from None
    return address.rpartition("@")[2]


def _record(
    hub: Hub, controller: str, domain: str, source: str, *, json: bool
) -> tuple[bool, int, Counter[str]]:
    """Keep the prohibition, and plan the refusals of everybody whom it concerns."""
    deployment = hub.deployment
    digest = deployment.identities.domain(controller, domain)
    with deployment.database.begin() as connection:
        known = bool(people.prohibited_domains(connection, controller, [digest]))
        if not known:
            (number,) = ids(connection, people.domain, 1)
            people.add_domain_prohibition(
                connection,
                {
                    "id": number,
                    "controller": controller,
                    "digest": digest,
                    "at": deployment.now(),
                    "source": source,
                },
            )
    persons, fanned = 0, Counter[str]()
    with read_only(deployment.database).connect() as connection:
        pages = list(overview.person_ids(connection, _PAGE))
        total = sum(people.count(connection).values())
    with progress(quiet=json) as bar:
        task = bar.add_task("looking for its people", total=total, note="")
        for page in pages:
            with deployment.database.begin() as connection:
                loaded = subjects.load(
                    connection, deployment.vault, deployment.identities, page, lock=True
                )
                concerned = [
                    one
                    for one in loaded.values()
                    if one.controller == controller
                    and one.email
                    and one.email.rpartition("@")[2] == domain
                ]
                persons += len(concerned)
                lapse(connection, deployment, concerned)
                subjects.save(connection, concerned, deployment.now())
                fanned += fan_out(connection, deployment, concerned, deployment.now())
            bar.advance(task, len(page))
    return known, persons, fanned
