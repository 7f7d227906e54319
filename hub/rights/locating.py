"""Looking for persons in a system. Attempts that run side by side ask together: a vendor's lists
and searches, which are slow and scarce, then serve all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from hub.api import (
    BadAnswer,
    ConnectorError,
    Held,
    Locates,
    Misconfigured,
    Ref,
    Sought,
    Unavailable,
)
from hub.delivery.deployment import Opened
from hub.store import normalise
from hub.store.together import Gathered

Answer = Sequence[Held] | BaseException


def locate(opened: Opened, sought: Sought) -> Sequence[Held]:
    """Every record of a person in a system that declares LOCATE. The vendor is asked after the
    call, never before. Raises what `Locates.locate` raises."""
    with _making:
        rounds = _rounds.get(opened)
        if rounds is None:
            connector = opened.connector
            assert isinstance(connector, Locates)  # the capability is declared, the suite checks it
            rounds = _rounds[opened] = Gathered(lambda batch: _all(connector, batch))
    return rounds(sought)


def linked_only(opened: Opened, refs: Iterable[Ref]) -> list[Held]:
    """Which of those records are there, and no others: a connector also looks for the addresses
    that it is given or finds. Raises as `locate`."""
    wanted = list(dict.fromkeys(Ref(one.stream, one.scope, one.id) for one in refs))
    places = {(one.stream, one.scope, one.id) for one in wanted}
    return [
        one
        for one in locate(opened, Sought(refs=tuple(wanted)))
        if (one.ref.stream, one.ref.scope, one.ref.id) in places
    ]


def _all(connector: Locates, batch: Sequence[Sought]) -> Sequence[Answer]:
    if len(batch) > 1:
        try:
            return _asked(connector, batch)
        except (Unavailable, Misconfigured):
            raise  # the same for everybody
        except ConnectorError:
            pass  # about one of them: the others must not wait for what it lacks
    answers: list[Answer] = []
    for one in batch:
        try:
            answers += _asked(connector, [one])
        except Exception as error:
            answers.append(error)
    return answers


def _asked(connector: Locates, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
    found = connector.locate([_as_kept(one) for one in batch])
    if len(found) != len(batch):
        raise BadAnswer(f"locate answered {len(found)} times for {len(batch)} persons")
    return found


def _as_kept(sought: Sought) -> Sought:
    """With each address in every spelling that a vendor may have been given: connectors compare
    letters, and know nothing of IDNA."""
    kept = [spelling for email in sought.emails for spelling in normalise.spellings(email)]
    return replace(sought, emails=tuple(dict.fromkeys(kept)))


_rounds: WeakKeyDictionary[Opened, Gathered[Sought, Sequence[Held]]] = WeakKeyDictionary()
_making = threading.Lock()
