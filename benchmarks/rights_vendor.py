"""The five tools of the rights stage: `python -m benchmarks.rights_vendor COUNT SECONDS`.

The plugins' own sandboxes, each on a port of its own behind the small server of `vendor_http`;
every answer is held back for SECONDS. Prints the ports by system as JSON, and ends when its input
closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import orjson

from benchmarks.population import SUBSCRIBED, Person, people
from benchmarks.vendor_http import Answer, Server
from hub.testing.sandbox import Sandbox
from hub.testing.seeds import HUBSPOT_SCOPES
from plugins.hubspot.sandbox import HubSpotSandbox
from plugins.mailer.sandbox import MailchimpSandbox
from plugins.webinar.sandbox import ZoomSandbox

WEBINAR = 91000000001
ERASURES = ("/gdpr-delete", "/actions/delete-permanent", "/registrants/{registrant}")


def tools(count: int) -> Mapping[str, Sandbox]:
    """Five tools in which everybody is."""
    held = list(people(count))
    made: dict[str, Sandbox] = {}
    for owner in ("crowst", "bangeri"):
        crm, mailer = HubSpotSandbox(), MailchimpSandbox()
        crm.seed(
            {
                "tokens": {"benchmark": list(HUBSPOT_SCOPES)},
                "definitions": [{"id": "1001", "name": "Uutiskirje"}],
                "contacts": [_contact(one) for one in held],
            }
        )
        mailer.seed(
            {
                "api_keys": ["benchmark-us1"],
                "lists": [
                    {
                        "id": "uutiskirje",
                        "double_optin": False,
                        "merge_fields": [{"tag": tag} for tag in ("FNAME", "LNAME", "PHONE")],
                        "members": [_member(one) for one in held],
                    }
                ],
            }
        )
        made[f"{owner}-crm"], made[f"{owner}-mailer"] = crm, mailer
    zoom = ZoomSandbox()
    zoom.seed(
        {
            "plan": "business",
            "apps": [dict.fromkeys(("account_id", "client_id", "client_secret"), "benchmark")],
            "users": [{"id": "host", "email": "tapahtumat@kone.example"}],
            "webinars": [{"id": WEBINAR, "registrants": [_registrant(one) for one in held]}],
        }
    )
    made["webinar"] = zoom
    return made


def _contact(one: Person) -> dict[str, Any]:
    properties = {
        "email": one.email,
        "firstname": one.first_name,
        "lastname": one.last_name,
        "phone": one.phone,
    }
    status = {"status": SUBSCRIBED, "source": "FORM", "legalBasis": "CONSENT_WITH_NOTICE"}
    return {"properties": properties, "statuses": {"1001": status}}


def _member(one: Person) -> dict[str, Any]:
    return {
        "email_address": one.email,
        "status": "subscribed",
        "merge_fields": {"FNAME": one.first_name, "LNAME": one.last_name, "PHONE": one.phone},
        "source": "Hosted Signup Form",
    }


def _registrant(one: Person) -> dict[str, Any]:
    return {
        "email": one.email,
        "first_name": one.first_name,
        "last_name": one.last_name,
        "phone": one.phone,
    }


class Tools:
    """The tools as the benchmark sees them."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = urls  # by system

    def ask(self, system: str, what: str, method: str = "GET") -> Any:
        """Ask under `/_control/`, which is not held back."""
        url = f"{self.urls[system]}/_control/{what}"
        answer = httpx.request(method, url, timeout=60, trust_env=False).raise_for_status()
        return answer.json() if answer.content else None

    def calls(self) -> tuple[int, int]:
        """Calls since the last time asked, and how many of them erased something."""
        made = erased = 0
        for system in self.urls:
            journal = self.ask(system, "journal")
            self.ask(system, "journal", "DELETE")
            made += len(journal)
            erased += sum(
                one["method"] in ("POST", "DELETE") and one["route"].endswith(ERASURES)
                for one in journal
            )
        return made, erased


@contextlib.contextmanager
def running(count: int, latency: float) -> Iterator[Tools]:
    """The tools with that many people, in a process that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.rights_vendor", str(count), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the vendors' process did not start")
            ports: dict[str, int] = orjson.loads(line)
            yield Tools({name: f"http://127.0.0.1:{port}" for name, port in ports.items()})
        finally:
            process.terminate()


async def _serve(made: Mapping[str, Sandbox], latency: float) -> None:
    servers = []
    ports = {}
    for system, sandbox in made.items():
        server = Server(_answering(sandbox), lambda path: 0.0 if "_control" in path else latency)
        servers.append(server)
        ports[system] = await server.start()
    print(orjson.dumps(ports).decode(), flush=True)
    left = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), left.set)
    await left.wait()


def _answering(sandbox: Sandbox) -> Any:
    def answer(
        method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        given = sandbox.handle(method, path, query, headers, body)
        return given.status, given.encoded()

    return answer


def main() -> None:
    """Serve until ended."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(tools(int(sys.argv[1])), float(sys.argv[2])))


if __name__ == "__main__":
    main()
