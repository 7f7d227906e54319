"""The SQL of the ledger keeps the contract on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from conftest import SqlLedger
from ledger_contract import LedgerContract


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, postgres: Callable[[], str]) -> Iterator[SqlLedger]:
        ledger = SqlLedger(postgres())
        ledger.create()
        yield ledger
        ledger.close()
