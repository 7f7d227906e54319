"""A process that ends between the erased rows and their keys: the next one destroys the keys."""

from __future__ import annotations

import pytest
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right


class Ended(BaseException):
    """The process is no more."""


def test_ended_before_the_keys_are_destroyed(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise Ended

    with monkeypatch.context() as patch:
        patch.setattr(type(world.deployment.vault), "destroy", end)
        with pytest.raises(Ended):
            desk.run(Right.ERASURE, aino)
    world.sync(full=True)
    desk.work()
    assert desk.states(1)["hub"] == "verified"
    desk.confirm(1)
    desk.close(1)
    assert desk.row(1).state == "closed"
