"""The SQL of the ledger keeps the contract on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.engine_ledger_contract import LedgerContract
from support.engine_ledgers import SqlLedger


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, pg_url: str) -> Iterator[SqlLedger]:
        ledger = SqlLedger(pg_url)
        ledger.create()
        yield ledger
        ledger.close()
