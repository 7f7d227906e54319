"""Opened keys, remembered for a while, and forgotten when any process destroys one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from hub.vault.sealing import KeyHandle


class KeyCache:
    """At most `size` handles, the least recently used leaving first.

    What is here was true at one value of the key store's `destroyed` counter; a caller that has
    read a higher value empties it. A caller whose value is older adds nothing: its keys may have
    been destroyed since it read them.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._as_of = 0
        self._keys: OrderedDict[int, KeyHandle] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key_ids: Iterable[int], destroyed: int) -> dict[int, KeyHandle]:
        """Those of `key_ids` that are here and were not destroyed by `destroyed`."""
        found: dict[int, KeyHandle] = {}
        with self._lock:
            self._catch_up(destroyed)
            if destroyed < self._as_of:
                return {}
            for key_id in key_ids:
                if (key := self._keys.get(key_id)) is not None:
                    self._keys.move_to_end(key_id)
                    found[key_id] = key
        return found

    def add(self, keys: Iterable[tuple[int, KeyHandle]], destroyed: int | None = None) -> None:
        """Remember `keys`, read when the counter stood at `destroyed`; None: just made."""
        with self._lock:
            if destroyed is not None:
                self._catch_up(destroyed)
                if destroyed < self._as_of:
                    return
            self._keys.update(keys)
            while len(self._keys) > self._size:
                self._keys.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._keys.clear()

    def _catch_up(self, destroyed: int) -> None:
        if destroyed > self._as_of:
            self._keys.clear()
            self._as_of = destroyed
