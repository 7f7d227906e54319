"""How long to wait after a failure."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses double from `first` to `cap` seconds, and are cut by chance to between half and all
    of that, so that systems that failed together do not come back together."""

    first: float = 2.0
    cap: float = 900.0
    chance: random.Random = field(default_factory=random.SystemRandom, compare=False, repr=False)

    def pause(self, failures: int, at_least: float | None = None) -> float:
        """Seconds to wait after that many failures in a row (one or more).

        `at_least` is what the other side asked for; it is kept even where it is above the cap.
        """
        full = min(self.cap, self.first * 2.0 ** min(failures - 1, 60))
        return max(full * self.chance.uniform(0.5, 1.0), at_least or 0.0)
