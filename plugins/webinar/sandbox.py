"""A stand-in of Zoom's webinars (API v2, server-to-server OAuth), as far as this plugin needs it.

Seed form (`POST /_control/seed`, or `seed()`); everything but what is marked `!` may be left out::

    {"plan": "pro",  # or "business": the calls allowed per second and day
     "apps": [{"account_id"!, "client_id"!, "client_secret"!, "scopes": ["webinar:read:…"]}],
     "users": [{"id"!, "email"!, "first_name", "last_name"}],  # the first one is "me"
     "webinars": [{"id"!: 91000000001, "topic", "host": "user id",
         "start_time": "2026-11-20T12:00:00Z", "duration": 60, "capacity": 500,
         "approval": "automatic" | "manual" | "none",
         "questions": [{"field_name": "org", "required": false}],
         "custom_questions": [{"title"!, "type": "short" | "single_radio" | "single_dropdown" |
                               "multiple", "required": false, "answers": ["Yes", "No"]}],
         "registrants": [{"email"!, "id", "first_name", "last_name", "status": "approved",
                          "create_time", "org": "…", "answers": {"title of a question": "Yes"}}],
         "instances": [{"start_time", "end_time", "uuid",
                        "attended": ["an address" | {"email", "name", "join_time", "leave_time",
                                                     "guest": true, "registrant_id"}],
                        "qa": [{"email", "question", "answer", "at"}],
                        "polls": [{"email", "question", "answer", "at"}]}]}],
     "acts": [{"act": "register" | "cancel" | "approve" | "deny" | "delete" | "hold",
               "webinar"!: 91000000001, …the arguments of the method of that name}]}

A webinar that is there already gets the new questions, registrants and instances beside its own.
"scopes" left out: all that the API has (`sandbox_access.SCOPES`). `create_time` left out: now.

People act by `register`, `cancel`, `approve`, `deny`, `delete` and `hold`.

Where Zoom's documents are silent the sandbox takes the worse: registering somebody again succeeds,
overwrites what was there and answers the same id; a cancelled registrant is a denied one like any
other; the list of one status moves while it is paged through; deleting a registrant leaves the
reports as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from hub.testing.sandbox import Answer, Call, FaultKind, Sandbox, route
from plugins.webinar.sandbox_access import (
    REGISTRATIONS_A_DAY,
    STATUS_CHANGES_A_DAY,
    Access,
    App,
    W,
    error,
)
from plugins.webinar.sandbox_reports import Reports
from plugins.webinar.sandbox_webinar import (
    APPROVED,
    STANDARD,
    STATUSES,
    Instance,
    Refused,
    Registrant,
    Webinar,
    invalid,
    moment,
    registrant_id,
    stamp,
)

MOST_IN_BATCH = 30
TOKEN = "/oauth/token"  # noqa: S105 - a path, no secret


class ZoomSandbox(Reports, Sandbox):
    """One Zoom account with its apps, users and webinars."""

    title = "Zoom"

    # the account

    def clear(self) -> None:
        self.access = Access(self.now)
        self.users: dict[str, dict[str, Any]] = {}
        self.webinars: dict[int, Webinar] = {}

    def seed(self, data: Any) -> None:
        self.access.plan = data.get("plan", self.access.plan)
        for app in data.get("apps", ()):
            scopes = {"scopes": tuple(app["scopes"])} if "scopes" in app else {}
            self.access.apps.append(App(**{**app, **scopes}))
        for user in data.get("users", ()):
            self.users[user["id"]] = {"first_name": "", "last_name": "", **user}
        for given in data.get("webinars", ()):
            self._seed_webinar(given)
        for given in data.get("acts", ()):
            more = {name: value for name, value in given.items() if name not in ("act", "webinar")}
            if given["act"] in _ACTS:
                getattr(self, given["act"])(given["webinar"], **more)

    def _seed_webinar(self, given: Mapping[str, Any]) -> None:
        number = int(given["id"])
        host = given.get("host") or next(iter(self.users), "")
        webinar = self.webinars.setdefault(number, Webinar(number, host, "", stamp(self.now())))
        for name in ("host", "topic", "start_time", "duration", "approval", "capacity"):
            if name in given:
                setattr(webinar, name, given[name])
        webinar.questions += [{"required": False, **one} for one in given.get("questions", ())]
        webinar.custom_questions += [
            {"type": "short", "required": False, "answers": [], **one}
            for one in given.get("custom_questions", ())
        ]
        for one in given.get("registrants", ()):
            made = Registrant(
                id=one["id"] if "id" in one else registrant_id(number, one["email"]),
                email=one["email"],
                first_name=one.get("first_name", ""),
                last_name=one.get("last_name", ""),
                status=one.get("status", APPROVED),
                create_time=one.get("create_time") or stamp(self.now()),
                values={name: one[name] for name in STANDARD if name in one},
                answers=dict(one.get("answers", {})),
            )
            webinar.registrants[made.id] = made
        for held in given.get("instances", ()):
            webinar.hold(self.now(), **held)

    def state(self) -> Any:
        return {
            "users": list(self.users.values()),
            "webinars": [
                {
                    **one.overview(),
                    "questions": one.questions,
                    "custom_questions": one.custom_questions,
                    "registrants": [one.show(row) for row in one.registrants.values()],
                    "instances": [
                        {
                            "uuid": held.uuid,
                            "start_time": held.start_time,
                            "attended": held.attended,
                            "qa": held.qa,
                            "polls": held.polls,
                        }
                        for held in one.instances
                    ],
                }
                for one in self.webinars.values()
            ],
        }

    def authenticate(self, call: Call) -> None:
        if call.template != TOKEN:
            self.access.admit(call)

    def limit(self, call: Call) -> None:
        if call.template != TOKEN:
            self.access.limit(call)

    # what people do

    def register(
        self,
        webinar: int | str,
        email: str,
        answers: Mapping[str, str] | None = None,
        first_name: str = "Aino",
        last_name: str = "Esimerkki",
        **values: str,
    ) -> Registrant:
        """The person fills in the registration form, now."""
        given = {
            "email": email,
            "first_name": first_name,
            "last_name": last_name,
            **values,
            "custom_questions": [
                {"title": title, "value": value} for title, value in (answers or {}).items()
            ],
        }
        return self.webinars[int(webinar)].register(self.now(), given, approve=False)

    def cancel(self, webinar: int | str, email: str) -> None:
        """The person cancels by the link in the confirmation."""
        self._change(webinar, email, "cancel")

    def approve(self, webinar: int | str, email: str) -> None:
        """The host approves."""
        self._change(webinar, email, "approve")

    def deny(self, webinar: int | str, email: str) -> None:
        """The host denies."""
        self._change(webinar, email, "deny")

    def delete(self, webinar: int | str, email: str) -> None:
        """The host removes the registrant from the list."""
        there = self.webinars[int(webinar)]
        del there.registrants[there.find(email).id]

    def hold(
        self,
        webinar: int | str,
        attended: Iterable[Any] = (),
        qa: Iterable[Mapping[str, Any]] = (),
        polls: Iterable[Mapping[str, Any]] = (),
        **more: Any,
    ) -> Instance:
        """The webinar takes place and ends; see `Webinar.hold`."""
        return self.webinars[int(webinar)].hold(self.now(), attended, qa, polls, **more)

    def _change(self, webinar: int | str, email_or_id: str, action: str) -> None:
        there = self.webinars[int(webinar)]
        there.set_status(there.find(email_or_id), action)

    # the vendor's error shapes

    def not_found(self, call: Call) -> Answer:
        return error(404, 404, "The requested resource was not found.")

    def too_many(self, call: Call, seconds: float) -> Answer:
        until = stamp(self.now() + timedelta(seconds=seconds))
        message = "You have reached the maximum per-second rate limit for this API."
        return Answer(429, {"code": 429, "message": message}, {"Retry-After": until})

    def server_error(self, call: Call) -> Answer:
        return error(500, 500, "Internal server error.")

    def _answer(self, call: Call, endpoint: Any) -> Answer:
        try:
            return super()._answer(call, endpoint)
        except Refused as refused:
            fields = [{"field": name, "message": why} for name, why in refused.fields]
            more = {"errors": fields} if fields else {}
            return error(refused.status, refused.code, refused.message, **more)

    # routes

    @route("POST", TOKEN)
    def token(self, call: Call) -> Answer:
        """A token for an hour."""
        return self.access.token(call)

    @route("GET", "/v2/users/{user}")
    def user(self, call: Call) -> Answer:
        """One user."""
        return Answer(200, self._user(call))

    @route("GET", "/v2/users/{user}/webinars")
    def user_webinars(self, call: Call) -> Answer:
        """A user's webinars, past ones too unless `type=upcoming`; by the number of the page."""
        user = self._user(call)
        rows = [one for one in self.webinars.values() if one.host == user["id"]]
        if call.query.get("type") == "upcoming":
            ends = [(one, moment(one.start_time) + timedelta(minutes=one.duration)) for one in rows]
            rows = [one for one, end in ends if end > self.now() and not one.instances]
        rows.sort(key=lambda one: (one.start_time, one.id))
        return self.access.numbered(call, "webinars", [one.overview() for one in rows])

    @route("GET", W)
    def one(self, call: Call) -> Answer:
        """One webinar."""
        webinar = self._webinar(call)
        approval = {"automatic": 0, "manual": 1, "none": 2}[webinar.approval]
        settings = {"approval_type": approval, "registrants_restrict_number": webinar.capacity}
        return Answer(200, {**webinar.overview(), "settings": settings})

    @route("GET", W + "/registrants/questions")
    def questions(self, call: Call) -> Answer:
        """What the registration form asks beside first name and address."""
        webinar = self._webinar(call)
        return Answer(
            200, {"questions": webinar.questions, "custom_questions": webinar.custom_questions}
        )

    @route("GET", W + "/registrants")
    def registrants(self, call: Call) -> Answer:
        """The registrants of one status."""
        webinar = self._webinar(call)
        status = call.query.get("status", APPROVED)
        if status not in STATUSES:
            raise invalid("status", "Invalid field.")
        rows = [webinar.show(one) for one in webinar.in_status(status)]
        return self.access.paged(call, "registrants", rows, status)

    @route("POST", W + "/registrants")
    def add_registrant(self, call: Call) -> Answer:
        """Register somebody, with all answers."""
        webinar, body = self._webinar(call), self._body(call)
        self._count_registration(webinar, body.get("email"))
        made = webinar.register(self.now(), body, approve=bool(body.get("auto_approve")))
        return Answer(
            201,
            {
                "id": webinar.id,
                "registrant_id": made.id,
                "topic": webinar.topic,
                "start_time": webinar.start_time,
                "join_url": webinar.show(made)["join_url"],
            },
        )

    @route("POST", W + "/batch_registrants")
    def add_batch(self, call: Call) -> Answer:
        """Register up to thirty, by address and names alone. One that is wrong spoils them all."""
        webinar, body = self._webinar(call), self._body(call)
        given = body.get("registrants")
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_IN_BATCH:
            raise invalid("registrants", f"Between 1 and {MOST_IN_BATCH} registrants.")
        plain = [
            {name: one.get(name) for name in ("email", "first_name", "last_name")} for one in given
        ]
        before, counted = dict(webinar.registrants), dict(self.access.daily)
        made: list[Registrant] = []
        try:
            for one in plain:
                if self.failing(FaultKind.PARTIAL, call):
                    raise Refused(400, 300, "Something went wrong with one of them.")
                self._count_registration(webinar, one["email"])
                made.append(
                    webinar.register(self.now(), one, approve=bool(body.get("auto_approve")))
                )
        except Exception:
            webinar.registrants, self.access.daily = before, counted
            raise
        rows = [
            {"registrant_id": one.id, "email": one.email, "join_url": webinar.show(one)["join_url"]}
            for one in made
        ]
        return Answer(200, {"registrants": rows})

    @route("PUT", W + "/registrants/status")
    def set_status(self, call: Call) -> Answer:
        """Approve, deny or cancel up to thirty."""
        webinar, body = self._webinar(call), self._body(call)
        given = body.get("registrants") or []
        if len(given) > MOST_IN_BATCH:
            raise invalid("registrants", f"At most {MOST_IN_BATCH} registrants.")
        found = [webinar.find(str(one.get("id") or one.get("email"))) for one in given]
        for one in found:
            self.access.once_more("status change", one.id, STATUS_CHANGES_A_DAY)
            webinar.set_status(one, str(body.get("action")))
        return Answer(204)

    @route("GET", W + "/registrants/{registrant}")
    def registrant(self, call: Call) -> Answer:
        """One registrant, of any status."""
        webinar = self._webinar(call)
        return Answer(200, webinar.show(self._registrant(call, webinar)))

    @route("DELETE", W + "/registrants/{registrant}")
    def delete_registrant(self, call: Call) -> Answer:
        """Delete one; the reports of past instances stay as they are."""
        webinar = self._webinar(call)
        del webinar.registrants[self._registrant(call, webinar).id]
        return Answer(204)

    def _count_registration(self, webinar: Webinar, email: Any) -> None:
        whom = f"{webinar.id} {str(email).casefold()}"
        self.access.once_more("registration", whom, REGISTRATIONS_A_DAY)

    def _user(self, call: Call) -> dict[str, Any]:
        wanted = call.path["user"]
        if wanted == "me" and self.users:
            return next(iter(self.users.values()))
        for user in self.users.values():
            if wanted in (user["id"], user["email"]):
                return user
        raise Refused(404, 1001, "User does not exist.")

    def _webinar(self, call: Call) -> Webinar:
        number = call.path["webinar"]
        found = self.webinars.get(int(number)) if number.isdecimal() else None
        if found is None:
            raise Refused(404, 3001, f"Webinar {number} not found or has expired.")
        return found

    @staticmethod
    def _registrant(call: Call, webinar: Webinar) -> Registrant:
        found = webinar.registrants.get(call.path["registrant"])
        if found is None:
            raise Refused(404, 404, "Registrant not found.")
        return found

    @staticmethod
    def _body(call: Call) -> dict[str, Any]:
        body = call.json()
        if not isinstance(body, dict):
            raise invalid("body", "Invalid field.")
        return body


_ACTS = frozenset({"register", "cancel", "approve", "deny", "delete", "hold"})
