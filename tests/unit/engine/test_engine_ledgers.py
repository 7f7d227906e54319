"""The ledgers that the engine's own tests stand on keep the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine_ledger_contract import LedgerContract
from support.engine_ledgers import MemoryLedger, SqlLedger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TestSqliteLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[SqlLedger]:
        ledger = SqlLedger(str(tmp_path / "app.db"))
        ledger.create()
        yield ledger
        ledger.close()
