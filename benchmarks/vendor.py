"""The vendors of the benchmark, in a process of their own: `python -m benchmarks.vendor 10000`.

Prints its port once it is ready. `/_control/…` is for the benchmark, and not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx
import orjson

from benchmarks.population import people
from benchmarks.vendor_http import Answer, serve
from benchmarks.vendor_hubspot import HubSpot
from benchmarks.vendor_mailchimp import Mailchimp
from benchmarks.vendor_zoom import SHARE, Zoom

PARTNER = "/partner"
"""Before the paths of the second company's accounts."""
OVERLAP = 2
"""The second company knows one in so many of the people."""


class Vendors:
    """All accounts behind one address; their paths do not meet. `five`: a second company's two,
    and a webinar tool that both share."""

    def __init__(self, count: int, *, five: bool) -> None:
        self._count = count
        self._turn = 0
        more = ("hub_webinars",) if five else ()
        self.hubspot = HubSpot(people(count), more)
        self.mailchimp = Mailchimp()
        self.partner: tuple[HubSpot, Mailchimp] | None = None
        self.zoom: Zoom | None = None
        if five:
            self.partner = HubSpot(islice(people(count), 0, None, OVERLAP), more), Mailchimp()
            self.zoom = Zoom(islice(people(count), 0, None, SHARE))

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        if self.zoom and path.startswith(("/v2/", "/oauth/")):
            return self.zoom.handle(method, path, query, body)
        if self.partner and path.startswith(PARTNER):
            crm, mailer = self.partner
            path = path.removeprefix(PARTNER)
            box = mailer if path.startswith("/3.0/") else crm
            return box.handle(method, path, query, body)
        if path.startswith("/3.0/"):
            return self.mailchimp.handle(method, path, query, body)
        if path.startswith("/_control/"):
            return orjson.dumps(self._control(path.removeprefix("/_control/"), query))
        return self.hubspot.handle(method, path, query, body)

    def _control(self, what: str, query: dict[str, str]) -> Any:
        match what:
            case "calls":  # since the last time asked
                boxes = self._boxes()
                calls = {name: dict(box.calls) for name, box in boxes.items()}
                for box in boxes.values():
                    box.calls.clear()
                return calls
            case "edit":
                self._turn += 1
                return self.hubspot.edit(float(query["share"]), self._turn)
            case "later":
                self.mailchimp.later()
                if self.partner:
                    self.partner[1].later()
                return True
            case "members":
                partner = self.partner[1].count if self.partner else 0
                return self.mailchimp.count + partner
            case "registered":
                return self.zoom.count if self.zoom else 0
            case "withdraw":
                return self._withdraw(query["at"], int(query["number"]))
            case "refused":
                box = self.hubspot if query["by"] == "hubspot" else self.mailchimp
                return box.refusals.get(query["email"])
        raise LookupError(what)

    def _boxes(self) -> dict[str, HubSpot | Mailchimp | Zoom]:
        boxes: dict[str, HubSpot | Mailchimp | Zoom] = {
            "hubspot": self.hubspot,
            "mailchimp": self.mailchimp,
        }
        if self.partner:
            boxes |= {"partner-hubspot": self.partner[0], "partner-mailchimp": self.partner[1]}
        return {**boxes, "zoom": self.zoom} if self.zoom else boxes

    def _withdraw(self, at: str, number: int) -> dict[str, Any]:
        (n,) = self.hubspot.subscribed(1, number * self._count // 100)
        if at == "hubspot":
            return {"email": self.hubspot.opt_out(n), "at": time.monotonic()}
        email = self.hubspot.address(n)
        self.mailchimp.unsubscribe(email)
        return {"email": email, "at": time.monotonic()}


@dataclass(frozen=True)
class Vendor:
    """The vendors as the benchmark sees them: an address, and what people do there."""

    url: str

    def ask(self, what: str, **query: str | int | float) -> Any:
        """Ask under `/_control/`."""
        answer = httpx.get(f"{self.url}/_control/{what}", params=query, timeout=60, trust_env=False)
        return answer.raise_for_status().json()

    def calls(self) -> dict[str, dict[str, int]]:
        """Calls since the last time asked: vendor -> kind -> how many."""
        found: dict[str, dict[str, int]] = self.ask("calls")
        return found


@contextlib.contextmanager
def running(count: int, *, five: bool = False) -> Iterator[Vendor]:
    """The vendors with that many contacts, in a process that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.vendor", str(count), *(["five"] if five else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the vendors' process did not start")
            yield Vendor(f"http://127.0.0.1:{int(line)}")
        finally:
            process.terminate()


def main() -> None:
    """Serve until ended."""
    vendors = Vendors(int(sys.argv[1]), five="five" in sys.argv)
    gc.collect()
    gc.freeze()  # what stays anyway need not be looked through while somebody measures
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_left(vendors))


async def _until_left(vendors: Vendors) -> None:
    """Serve as long as whoever started this process lives: then its end of our input closes."""
    serving = asyncio.create_task(serve(vendors.handle, lambda port: print(port, flush=True)))
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    main()
