"""The connector to one Zoom account: the registrants of its webinars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.api import (
    Act,
    ActivityKind,
    ActivityPage,
    AuthFailed,
    Context,
    Exported,
    Held,
    Misconfigured,
    MissingScope,
    Page,
    Problem,
    Record,
    Ref,
    Result,
    Sought,
    Verification,
    Write,
)
from plugins.webinar.settings import Settings
from plugins.webinar.zoom_activities import KINDS, ActivityReader
from plugins.webinar.zoom_client import (
    ABSENTEES,
    HEAVY,
    INSTANCES,
    LIGHT,
    MEDIUM,
    PARTICIPANTS,
    POLLS,
    QA,
    REGISTRANTS,
    USER_WEBINARS,
    WEBINAR,
    Client,
)
from plugins.webinar.zoom_mapping import OWN_FIELDS, STREAM, RegistrantMapper
from plugins.webinar.zoom_reading import Registrants
from plugins.webinar.zoom_rights import Rights
from plugins.webinar.zoom_writing import Registering, questions

_REPORTS = {
    ActivityKind.ATTENDED: PARTICIPANTS,
    ActivityKind.ABSENT: ABSENTEES,
    ActivityKind.QUESTION: QA,
    ActivityKind.POLL: POLLS,
}
_HELD = frozenset(_REPORTS)
"""Kinds of which only the reports of a webinar that was held tell."""


class Zoom:
    """Reads registrants and registers people. A record's id is the registrant's."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        assert isinstance(settings, Settings)
        self._context = context
        self._settings = settings
        self._client = Client(context.http)
        self._fields = tuple(context.fields.get(STREAM, ()))
        self._topics = tuple(context.topics.get(STREAM, ()))
        self._scopes = tuple(context.scopes.get(STREAM, ()))
        mapper = RegistrantMapper(self._fields, self._topics, settings.yes_answers)
        self._registrants = Registrants(self._client, mapper)
        self._registering = Registering(self._registrants)
        self._kinds = context.activities.get(STREAM, frozenset())
        self._activities = ActivityReader(self._registrants, self._kinds, context.now)
        self._rights = Rights(
            self._registrants,
            (settings.user, *settings.other_users),
            self._scopes,
            ActivityReader(self._registrants, KINDS, context.now),
        )

    # reading and writing

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        """Registrants of the webinar `scope`; see `zoom_reading`."""
        return self._registrants.pages(scope, cursor)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """The registrants as they are now, denied ones with their state."""
        return self._registrants.fetched(refs)

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `zoom_writing`."""
        return self._registering.write(batch)

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        """See `zoom_activities`."""
        return self._activities.pages(scope, cursor)

    # rights; see `zoom_rights`

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """In every webinar of the configured users, in all three statuses."""
        return self._rights.locate(batch)

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """Registration and answers, attendance, questions and poll answers."""
        return self._rights.export(refs)

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Delete registrants by id."""
        return self._rights.erase(batch)

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """Whether the API still tells of them."""
        return self._rights.verify(refs, act)

    # setting up

    def prepare(self) -> Sequence[str]:
        """Nothing: a webinar's form is made by its host."""
        return []

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        """The custom questions of the webinar's form. Their title is all that they have."""
        return {title: title for title in questions(self._client, scope) or {}}

    def check(self) -> Sequence[Problem]:
        """Credential, scopes, webinars, questions; and webinars to come that nobody listed.
        Raises Unavailable where Zoom does not answer."""
        try:
            upcoming = self._upcoming()
        except AuthFailed:
            mend = "take account id, client id and secret from the app's page, and activate the app"
            return [Problem("auth", "Zoom refuses the app's credential", mend)]
        except MissingScope as error:
            return [Problem("scope", str(error), error.mend)]
        except Misconfigured as error:
            return [Problem("plan", str(error), error.mend)]
        problems: list[Problem] = []
        if upcoming is None:
            mend = "set user to the host's id or e-mail"
            problems.append(Problem("user", "Zoom has no user as configured", mend))
        titles: set[str] = set()
        lacking: list[Problem] = []
        for scope in self._scopes:
            try:
                found = questions(self._client, scope)
            except MissingScope as error:
                lacking.append(Problem("scope", str(error), error.mend))
                break
            if found is None:
                mend = "take the webinar's id from its page, digits only"
                problems.append(Problem("scope-id", f"there is no webinar {scope}", mend))
            titles.update(found or ())
        if not lacking:  # otherwise nothing is known of the questions
            problems += self._unknown(titles)
        problems += [*lacking, *self._lacking()]
        for webinar in upcoming or ():
            number = str(webinar.get("id"))
            if number not in self._scopes:
                problems.append(
                    Problem(
                        "new-webinar",
                        f"webinar {number} is to come, and is not among the scopes",
                        f"add {number} to scopes, or leave it out on purpose",
                        fatal=False,
                    )
                )
        return problems

    def _upcoming(self) -> list[dict[str, Any]] | None:
        path, query = {"user": self._settings.user}, {"type": "upcoming"}
        return self._client.rows(USER_WEBINARS, path, "webinars", query)

    def _lacking(self) -> Iterator[Problem]:
        """Scopes that the first webinar's calls show to be missing. The rights to register and
        to delete show only when they are used."""
        routes = {WEBINAR: LIGHT, REGISTRANTS: MEDIUM}
        if self._kinds & _HELD:
            routes[INSTANCES] = LIGHT
        routes |= {_REPORTS[kind]: HEAVY for kind in sorted(self._kinds & _HELD)}
        for route, limit in routes.items() if self._scopes else ():
            try:
                path, query = {"webinar": self._scopes[0]}, {"page_size": 1}
                self._client.get(route, path, query, limit=limit)
            except MissingScope as error:
                yield Problem("scope", str(error), error.mend)

    def _unknown(self, titles: set[str]) -> Iterator[Problem]:
        known = ", ".join(sorted(titles)) or "none"
        for name in self._fields:
            if name not in OWN_FIELDS and name not in titles:
                yield Problem(
                    "field",
                    f"{name} is neither a field of Zoom's nor a question of the webinars",
                    f"use a field of Zoom's, or a question's title word for word: {known}",
                )
        for topic in self._topics:
            if topic not in titles:
                yield Problem(
                    "topic",
                    f"no webinar asks {topic!r}",
                    f"use the question's title word for word: {known}",
                )
