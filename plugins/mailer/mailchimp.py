"""The connector to one Mailchimp account: its audiences' members, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.api import (
    THROTTLED,
    WHOLE_SCOPE,
    Act,
    ActivityPage,
    AuthFailed,
    BadAnswer,
    ConnectorError,
    Context,
    Exported,
    Held,
    Misconfigured,
    Page,
    Problem,
    Record,
    Ref,
    Result,
    Sought,
    Verification,
    Write,
)
from plugins.mailer.mailchimp_activities import ActivityReader
from plugins.mailer.mailchimp_client import (
    LIST,
    MEMBERS,
    MERGE_FIELDS,
    Client,
    member_call,
    outcome,
)
from plugins.mailer.mailchimp_consents import ConsentWriter
from plugins.mailer.mailchimp_creates import Creator
from plugins.mailer.mailchimp_holding import Holdings
from plugins.mailer.mailchimp_mapping import (
    EMAIL,
    LANGUAGE,
    MERGE_TAG,
    STREAM,
    MemberMapper,
    member_fields,
)
from plugins.mailer.mailchimp_members import Batch, Members
from plugins.mailer.mailchimp_reading import PAGE, Reader
from plugins.mailer.mailchimp_rights import RightsWriter
from plugins.mailer.mailchimp_tags import is_tags, prefix_problem
from plugins.mailer.mailchimp_updates import Updater
from plugins.mailer.mailchimp_values import Malformed, address_hash
from plugins.mailer.settings import Settings

_OWN_FIELDS = (EMAIL, LANGUAGE)
_RESERVED = "EMAIL"


class Mailchimp:
    """Reads and writes members. A record's id is the contact id, which stays when the address
    changes; the hash of the address is used only to look someone up by it."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        assert isinstance(settings, Settings)
        self._context = context
        self._client = Client(context.http)
        self._fields = tuple(context.fields.get(STREAM, ()))
        self._double_opt_in = frozenset(settings.double_opt_in)
        self._mapper = MemberMapper(self._fields, settings.double_opt_in)
        members = Members(self._client, self._mapper, self._fields)
        self._creator = Creator(members, self._double_opt_in)
        self._updater = Updater(members)
        self._consents = ConsentWriter(members, self._double_opt_in)
        self._holdings = Holdings(self._client)
        self._rights = RightsWriter(members)

    # reading

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        """Members of the audience `scope`; see `mailchimp_reading` for what is guarded against."""
        path = {"list": scope}
        reader = Reader(
            fetch=lambda query: self._client.get(MEMBERS, path, query),
            fields=member_fields(self._fields, "members."),
            record=lambda row: self._mapper.record(scope, row),
        )
        return reader.pages(cursor)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """The members as they are now, archived ones with that state. One that was deleted for
        good answers as one that never was: None."""
        query = {"fields": member_fields(self._fields)}
        calls: list[dict[str, Any]] = []
        asked: list[int] = []
        for n, ref in enumerate(refs):
            member = ref.id or (address_hash(ref.email) if ref.email else "")
            if member:
                asked.append(n)
                calls.append(member_call("GET", ref.scope, member, query=query))
        records: list[Record | None] = [None] * len(refs)
        for n, found in zip(asked, self._client.get_many(calls), strict=True):
            if isinstance(found, ConnectorError):
                raise found
            if found is not None:
                try:
                    records[n] = self._mapper.record(refs[n].scope, found)
                except Malformed as error:
                    raise BadAnswer(f"a member cannot be understood: {error}") from error
        return records

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        """See `mailchimp_activities`."""
        kinds = self._context.activities.get(stream, frozenset())
        return ActivityReader(self._client, scope, kinds, self._context.now).pages(cursor)

    # writing

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `mailchimp_creates` and `mailchimp_updates`."""
        done = Batch(batch)
        creates: dict[str, list[Write]] = {}
        for write in batch:
            if write.ref is None:
                creates.setdefault(write.scope, []).append(write)
        for scope, some in creates.items():
            self._creator.create(done, scope, some)
        self._updater.update(done, [write for write in batch if write.ref is not None])
        return done.results()

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `mailchimp_consents`."""
        return self._consents.write(batch)

    # rights of data subjects

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """See `mailchimp_holding`, as for `export` and `verify`."""
        return self._holdings.locate(batch)

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """The member, and all that is kept with it."""
        return self._holdings.export(refs)

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """What an act came to, by the members as they are now."""
        return self._holdings.verify(refs, act)

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """See `mailchimp_rights`, as for all that follow."""
        return self._rights.rectify(batch)

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Delete for good, by the address that the contact id has now."""
        return self._rights.erase(batch)

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Archive; the memo is the former status."""
        return self._rights.restrict(batch)

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        """Bring the former status back, over no refusal."""
        return self._rights.lift(batch)

    # setting up

    def check(self) -> Sequence[Problem]:
        """Key, audiences, merge tags, and permission ids as far as Mailchimp lets them be seen.
        Raises Unavailable where it does not answer."""
        try:
            self._client.get("/3.0/", {})
        except AuthFailed:
            mend = "make a key in Account > Extras > API keys and set it as api_key"
            return [Problem("auth", "Mailchimp refuses the API key", mend)]
        except Misconfigured as error:
            return [Problem("plan", str(error), error.mend)]
        problems = [
            Problem("field", wrong, _FIELD_MEND)
            for wrong in map(_wrong_field, self._fields)
            if wrong
        ]
        permissions: dict[str, str] = {}
        certain = True
        for scope in self._context.scopes.get(STREAM, ()):
            audience = self._client.get(
                LIST, {"list": scope}, {"fields": "id,name,double_optin,marketing_permissions"}
            )
            if audience is None:
                mend = "take the audience id from Audience > Settings > Audience name and defaults"
                problems.append(Problem("scope-id", f"there is no audience {scope}", mend))
                certain = False
                continue
            problems += self._check_audience(scope, audience)
            offered = self._permissions(scope)
            permissions |= offered
            certain = certain and (bool(offered) or not audience.get("marketing_permissions"))
        for topic in self._context.topics.get(STREAM, ()):
            if topic != WHOLE_SCOPE and topic not in permissions:
                problems.append(_unknown_permission(topic, certain))
        return problems

    def _check_audience(self, scope: str, audience: Mapping[str, Any]) -> Iterator[Problem]:
        if bool(audience.get("double_optin")) and scope not in self._double_opt_in:
            yield Problem(
                "double-opt-in",
                f"audience {scope} asks people to confirm, and the hub is not told so",
                f"add {scope} to double_opt_in",
                fatal=False,
            )
        known = self._merge_fields(scope)
        for tag in self._fields:
            if tag in known and known[tag] == "address":
                yield Problem(
                    "field", f"{tag} is an address field in {scope}", "map plain fields only"
                )

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        """The audience itself, and its marketing permissions."""
        audience = self._client.get(LIST, {"list": scope}, {"fields": "id,name"}) or {}
        return {WHOLE_SCOPE: str(audience.get("name") or scope), **self._permissions(scope)}

    def prepare(self) -> Sequence[str]:
        """Make the merge fields that the mapping uses and an audience lacks, as text, shown on
        no form. Without them Mailchimp would drop their values in silence."""
        made: list[str] = []
        for scope in self._context.scopes.get(STREAM, ()):
            known = self._merge_fields(scope)
            for tag in self._fields:
                if tag in known or not _may_be_tag(tag):
                    continue
                body = {"tag": tag, "name": tag, "type": "text", "required": False, "public": False}
                path = {"list": scope}
                reply = self._client.http.call("POST", MERGE_FIELDS, path=path, json=body)
                ended = outcome(reply)
                if ended.error is not None:
                    raise ended.error
                if ended.body is None:
                    raise Misconfigured(
                        f"Mailchimp does not let merge field {tag} be made in {scope} "
                        f"({ended.reason or THROTTLED})",
                        mend=f"make it by hand, or leave {tag} out of the mapping",
                    )
                made.append(f"{scope}: merge field {tag}")
        return made

    def _merge_fields(self, scope: str) -> Mapping[str, str]:
        """Merge tag -> type."""
        query: dict[str, str | int] = {
            "count": PAGE,
            "fields": "merge_fields.tag,merge_fields.type",
        }
        body = self._client.get(MERGE_FIELDS, {"list": scope}, query) or {}
        return {str(f.get("tag")): str(f.get("type")) for f in body.get("merge_fields") or ()}

    def _permissions(self, scope: str) -> Mapping[str, str]:
        """Permission id -> wording. No call lists them; every member carries them all, so one
        member tells, and an empty audience tells nothing."""
        query: dict[str, str | int] = {"count": 1, "fields": "members.marketing_permissions"}
        body = self._client.get(MEMBERS, {"list": scope}, query) or {}
        return {
            str(permission.get("marketing_permission_id")): str(permission.get("text"))
            for member in body.get("members") or ()
            for permission in member.get("marketing_permissions") or ()
        }


_FIELD_MEND = (
    "use email_address, language, tags, tags:PREFIX for tags that begin with PREFIX, "
    "or a merge tag: ten capitals, digits and underscores at most"
)


def _wrong_field(name: str) -> str:
    """What is wrong with a vendor field of the mapping; empty for nothing."""
    if is_tags(name):
        return prefix_problem(name)
    right = name in _OWN_FIELDS or _may_be_tag(name)
    return "" if right else f"{name} cannot be a Mailchimp field"


def _may_be_tag(name: str) -> bool:
    return name != _RESERVED and MERGE_TAG.fullmatch(name) is not None


def _unknown_permission(topic: str, certain: bool) -> Problem:
    if certain:
        message = f"no audience has a marketing permission {topic}"
        return Problem("topic", message, "take the id from a member's marketing_permissions")
    return Problem(
        "topic",
        f"marketing permission {topic} cannot be looked up yet",
        "an audience shows its permissions once it has a member; check again then",
        fatal=False,
    )
