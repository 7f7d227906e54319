"""The floor: reads the same pages, keeps them in a plain table, writes the same batches. No logic.

`python -m benchmarks.floor URL FOLDER` prints its stages as JSON. It knows nobody: no identity, no
encryption, no permissions, no retries, no memory of what it has sent. What it shares with the hub:
vendor calls (also the reading of statuses, a call per hundred for each of the two kinds), page and
batch sizes, 500 records a transaction, SQLite with synchronous FULL.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks.measuring import measured
from benchmarks.opening import SYNCHRONOUS
from benchmarks.population import SUBSCRIBED
from benchmarks.vendor import Vendor
from benchmarks.vendor_hubspot import CONTACTS, NAMES, STATUSES
from benchmarks.vendor_mailchimp import LIST

BATCH = 500
UPSERT = """
    INSERT INTO contact (email, id, fields) VALUES (?, ?, ?)
    ON CONFLICT (email) DO UPDATE SET id = excluded.id, fields = excluded.fields
"""


class Floor:
    """A program that copies contacts from one address to another."""

    def __init__(self, url: str, file: Path) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS contact (email TEXT PRIMARY KEY, id TEXT, fields TEXT)"
        )

    def copy(self, *, writing: bool) -> None:
        """Read all; `writing`: send those who are subscribed on."""
        kept: list[tuple[str, str, bytes]] = []
        going: list[dict[str, Any]] = []
        for rows, subscribed in self._pages():
            for row in rows:
                values = row["properties"]
                fields = {name: values[name] for name in NAMES}
                kept.append((fields["email"], row["id"], orjson.dumps(fields)))
                if fields["email"] in subscribed:
                    going.append(_member(fields))
            if len(kept) >= BATCH:
                self._keep(kept)
                kept = []
            if len(going) >= BATCH:
                self._send(going[:BATCH], writing=writing)
                going = going[BATCH:]
        self._keep(kept)
        self._send(going, writing=writing)

    def _pages(self) -> Iterator[tuple[list[dict[str, Any]], set[str]]]:
        after: str | None = ""
        while after is not None:
            query = {"limit": "100", "properties": ",".join(NAMES), "archived": "false"}
            answer = self._http.get(CONTACTS, params=query | ({"after": after} if after else {}))
            page = orjson.loads(answer.content)
            rows = page["results"]
            emails = [row["properties"]["email"] for row in rows]
            said = self._ask("/read", emails)
            self._ask("/unsubscribe-all/read", emails)
            yield (
                rows,
                {
                    one["subscriberIdString"]
                    for one in said
                    if one["statuses"][0]["status"] == SUBSCRIBED
                },
            )
            after = page["paging"]["next"]["after"] if "paging" in page else None

    def _ask(self, tail: str, emails: list[str]) -> list[dict[str, Any]]:
        body = orjson.dumps({"inputs": emails})
        answer = self._http.post(STATUSES + tail, params={"channel": "EMAIL"}, content=body)
        found: list[dict[str, Any]] = orjson.loads(answer.content)["results"]
        return found

    def _keep(self, rows: list[tuple[str, str, bytes]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(UPSERT, rows)
        self._database.execute("COMMIT")

    def _send(self, members: list[dict[str, Any]], *, writing: bool) -> None:
        if members and writing:
            body = orjson.dumps({"members": members, "update_existing": False})
            answer = orjson.loads(self._http.post(LIST, content=body).content)
            assert answer["total_created"] == len(members)


def _member(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "email_address": fields["email"],
        "status": "subscribed",
        "language": fields["hs_language"],
        "merge_fields": {
            "FNAME": fields["firstname"],
            "LNAME": fields["lastname"],
            "PHONE": fields["phone"],
            "TITLE": fields["jobtitle"],
            "COMPANY": fields["company"],
        },
    }


def main() -> None:
    """Copy everything, then read everything again."""
    vendor, folder, count = Vendor(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    floor = Floor(vendor.url, folder / "floor.db")
    stages = []
    vendor.calls()
    for name in ("first", "again"):
        with measured(name, count) as stage:
            floor.copy(writing=name == "first")
        stage.calls = vendor.calls()
        stages.append(dataclasses.asdict(stage))
    sys.stdout.buffer.write(orjson.dumps(stages))


if __name__ == "__main__":
    main()
