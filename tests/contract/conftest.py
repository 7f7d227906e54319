"""The server that every vendor's sandbox is tested behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.vendor import Door

from hub.testing.serving import serve


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    made = Door()
    with serve(made) as url:
        made.url = url
        yield made
