"""Python's cycle collector, told how the hub lives: pages of objects that die by count."""

from __future__ import annotations

import gc


def calm() -> None:
    """Let the collector run seldom, and never over what start-up made.

    A page of records is some hundred thousand objects without cycles; they die by reference count
    when the page has landed. Walking them while they live cost a quarter of a first sync. Called
    when a process has imported and opened what it needs; again does nothing.
    """
    if gc.get_freeze_count():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
