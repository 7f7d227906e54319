"""The hub over five systems of two companies: `python -m benchmarks.five_work URL FOLDER COUNT`.

One in two of the people is known to the second company too, one in twenty came to the joint webinar
or stayed away. Prints its stages as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Final

import orjson

from benchmarks.hub_work import WAYS, Work
from benchmarks.opening import opened
from benchmarks.vendor import OVERLAP, Vendor
from hub import log

CONFIG: Final = Path(__file__).with_name("five.yaml")
SYSTEMS = ("crm", "mailer", "partner-crm", "partner-mailer", "webinar")


class Five(Work):
    """The stages over five systems; a contact is a record that a CRM or the webinar tool holds."""

    def all(self) -> None:
        """Everything once."""
        vendor = self._vendor
        contacts = self._count + -(-self._count // OVERLAP) + vendor.ask("registered")
        vendor.calls()
        with self._stage("five-first", contacts):
            for system in SYSTEMS:
                self._run(system)
        with self._stage("five-settling", contacts):
            self._quiet()
        with self._stage("five-again", contacts + vendor.ask("members")):
            for system in SYSTEMS:
                self._run(system, full=True)
        vendor.ask("later")
        self._quiet()
        changed = vendor.ask("edit", share=0.01)
        vendor.calls()
        with self._stage("five-changed", changed):
            for system in SYSTEMS:
                self._run(system)
        self._quiet()
        for at, by in WAYS:
            self._withdrawals(f"five-withdrawal-{at}", at, by, self._round)

    def _round(self, by: str, email: str) -> float | None:
        for system in SYSTEMS:
            self._run(system)
        told = self._told(by, email)
        if told is None:
            self._run("mailer" if by == "mailchimp" else "crm")
            told = self._told(by, email)
        return told


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    log.setup(pretty=False, level="warning")
    with opened(given.folder, given.url, CONFIG) as hub:
        work = Five(Vendor(given.url), hub, given.count, given.profile)
        work.all()
    sys.stdout.buffer.write(orjson.dumps([dataclasses.asdict(stage) for stage in work.stages]))


if __name__ == "__main__":
    main()
