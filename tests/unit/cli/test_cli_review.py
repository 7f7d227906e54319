"""Every answer that a question takes can be given on the command line."""

from __future__ import annotations

import inspect
import os
import signal

import pytest

from hub.cli import review
from hub.cli.run import _stopping
from hub.sync.review import ANSWERS, Decision


@pytest.mark.parametrize("decision", [one for some in ANSWERS.values() for one in some])
def test_each_answer_has_its_option(decision: Decision) -> None:
    option, means = review._MEANS[decision]
    assert means
    name = option.split()[0].removeprefix("--")
    assert name in inspect.signature(review.decide).parameters


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_way_to_stop_the_hub_stops_it_cleanly(number: signal.Signals) -> None:
    with _stopping() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(5)


def test_a_closed_terminal_stays_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stopping() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
