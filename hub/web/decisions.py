"""What a handler decides about a request, act by act."""

from __future__ import annotations

from typing import Any

from hub.domain.plan import Exemption
from hub.rights import decide, due, identity, lifting
from hub.rights.identity import How
from hub.store.tokens import Token
from hub.vault.database import read_only
from hub.web import answers, asked, views
from hub.web.desk import Approver, Desk, Handler, TheDesk
from hub.web.problems import wrong_field
from hub.web.repeating import post, router
from hub.web.requests import Number

api = router("decisions")


@post(api, "/requests/{number}/identity", response_model=answers.Known)
def add_evidence(
    number: Number, body: asked.Identity, desk: TheDesk, token: Handler
) -> answers.Known:
    """Add evidence of who asks: the message itself, a handler's word, or a reasonable doubt."""
    desk.checked(token, number)
    enough = False
    match body:
        case asked.MessageEvidence():
            enough = identity.by_message(
                desk.deployment, number, body.raw, token.actor, desk.resolve
            )
        case asked.WordEvidence():
            how = How(body.how)
            identity.by_handler(desk.deployment, number, how, body.note, token.actor)
            enough = True
        case asked.Doubt():
            identity.doubt(desk.deployment, number, body.note, token.actor)
    return answers.Known(**_now(desk, token, number), enough=enough)


@post(
    api, "/requests/{number}/identity/code", status=201, once=True, response_model=answers.NewCode
)
def make_code(number: Number, desk: TheDesk, token: Handler) -> answers.NewCode:
    """Make a one-time code to be sent to the address on record. An earlier one ends.

    The code is answered once: with an Idempotency-Key that was used, the status is 409.
    """
    desk.checked(token, number)
    until = desk.deployment.now() + identity.CODE_FOR
    code = identity.new_code(desk.deployment, number, token.actor)
    return answers.NewCode(code=code, until=until)


@post(api, "/requests/{number}/identity/code/answer", response_model=answers.Known)
def give_code(
    number: Number, body: asked.GivenCode, desk: TheDesk, token: Handler
) -> answers.Known:
    """Give a code as the person gave it back. After five wrong ones it is void."""
    desk.checked(token, number)
    right = identity.give_code(desk.deployment, number, body.code, token.actor)
    return answers.Known(**_now(desk, token, number), enough=right)


@post(api, "/requests/{number}/scope", response_model=answers.Changed)
def confirm_scope(
    number: Number, body: asked.Scoped, desk: TheDesk, token: Handler
) -> answers.Changed:
    """Record that the person means other controllers too: they join the plan.

    From then on acts need a token that has these controllers as well.
    """
    desk.checked(token, number)
    known = desk.deployment.landscape.controllers
    if not set(body.controllers) <= set(known):
        told = f"there is no such controller; there are: {', '.join(known)}"
        raise wrong_field("controllers", told)
    decide.confirm_scope(desk.deployment, number, body.controllers, token.actor)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/exemptions", response_model=answers.Changed)
def decide_exemptions(
    number: Number, body: asked.Exemptions, desk: TheDesk, token: Handler
) -> answers.Changed:
    """Refuse a part of a plan: categories of data in single systems, on grounds of the closed
    list. The plan is another one afterwards, and needs two approvals."""
    desk.checked(token, number)
    exemptions = []
    for index, one in enumerate(body.exemptions):
        if one.system not in desk.deployment.landscape.systems:
            raise wrong_field(f"exemptions.{index}.system", "there is no such system")
        if one.ground.needs_end and one.until is None:
            told = f"the ground {one.ground.value} needs the day on which it has ended"
            raise wrong_field(f"exemptions.{index}.until", told)
        if due.ended(desk.deployment, one.until):
            told = "the ground must still hold: give a day that is to come"
            raise wrong_field(f"exemptions.{index}.until", told)
        if due.never(desk.deployment, one.until):
            told = "the ground must end: give the day on which it does"
            raise wrong_field(f"exemptions.{index}.until", told)
        exemptions.append(Exemption(one.system, one.category, one.ground, one.until))
    decide.exempt(desk.deployment, number, exemptions, body.reason, token.actor)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/refusal", response_model=answers.Changed)
def refuse(number: Number, body: asked.Refusal, desk: TheDesk, token: Handler) -> answers.Changed:
    """Refuse the whole request, on a ground that may answer its right. It ends once the notice is
    recorded: within one month of receipt the person is told why, and that they may complain to the
    supervisory authority and go to court (Art. 12(4))."""
    desk.checked(token, number)
    decide.refuse(desk.deployment, number, body.ground.value, body.reason, token.actor)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/approval", response_model=answers.Approved)
def approve(
    number: Number, body: asked.Approval, desk: TheDesk, token: Approver
) -> answers.Approved:
    """Approve the plan that was looked at. The same again changes nothing.

    Exemptions, weak matches and several persons of one controller need a second approval, with
    another token.
    """
    desk.checked(token, number)
    started, systems = decide.approve(desk.deployment, number, body.plan_hash, token.actor)
    if systems:
        desk.wake(systems)
    return answers.Approved(**_now(desk, token, number), started=started)


@post(api, "/requests/{number}/retry", response_model=answers.Retried)
def retry(number: Number, desk: TheDesk, token: Handler) -> answers.Retried:
    """Try at once what waits or needs attention."""
    desk.checked(token, number)
    systems = decide.retry(desk.deployment, number, token.actor)
    if systems:
        desk.wake(systems)
    return answers.Retried(**_now(desk, token, number), systems=systems)


@post(api, "/requests/{number}/hold", response_model=answers.Changed)
def hold(number: Number, body: asked.Hold, desk: TheDesk, token: Handler) -> answers.Changed:
    """Hold a request: nothing more is carried out. The clock runs on."""
    desk.checked(token, number)
    decide.hold(desk.deployment, number, token.actor, on=True, reason=body.reason)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/release", response_model=answers.Changed)
def release(number: Number, desk: TheDesk, token: Handler) -> answers.Changed:
    """Let a held request go on."""
    desk.checked(token, number)
    decide.hold(desk.deployment, number, token.actor, on=False)
    desk.wake_due()
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/extension", response_model=answers.Extended)
def extend(
    number: Number, body: asked.Extending, desk: TheDesk, token: Handler
) -> answers.Extended:
    """Extend the deadline by two further months, once; the person was told now (Art. 12(3))."""
    desk.checked(token, number)
    deployment = desk.deployment
    due = decide.extend(deployment, number, body.reason, body.explanation, token.actor)
    return answers.Extended(
        **_now(desk, token, number),
        deadline=views.deadline(due, open_=True, now=deployment.now()),
    )


@post(api, "/requests/{number}/withdrawal", response_model=answers.Changed)
def withdraw(number: Number, desk: TheDesk, token: Handler) -> answers.Changed:
    """The person takes the request back. What was carried out stays."""
    desk.checked(token, number)
    decide.withdraw(desk.deployment, number, token.actor)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/notice", response_model=answers.Changed)
def record_notice(
    number: Number, body: asked.Notice, desk: TheDesk, token: Handler
) -> answers.Changed:
    """Record that the person was told what was done, or why it was refused: the request closes, if
    all is proved."""
    desk.checked(token, number)
    decide.notified(desk.deployment, number, body.how, body.text, token.actor)
    return answers.Changed(**_now(desk, token, number))


@post(api, "/requests/{number}/lifting", response_model=answers.Retried)
def lift_restriction(
    number: Number, body: asked.Notice, desk: TheDesk, token: Handler
) -> answers.Retried:
    """Lift the restriction of a closed request, of which the person was told first (Art. 18(3)).
    Where several restrict the same person, the newest first; the last of them frees."""
    desk.checked(token, number)
    systems = lifting.lift(desk.deployment, number, body.how, body.text, token.actor)
    if systems:
        desk.wake(systems)
    return answers.Retried(**_now(desk, token, number), systems=systems)


@post(api, "/requests/{number}/notes", response_model=answers.Changed)
def add_note(number: Number, body: asked.NewNote, desk: TheDesk, token: Handler) -> answers.Changed:
    """Add a note to the case file."""
    desk.checked(token, number)
    decide.note(desk.deployment, number, body.text, token.actor)
    return answers.Changed(**_now(desk, token, number))


def _now(desk: Desk, token: Token, number: int) -> dict[str, Any]:
    """Where the request is after the act."""
    with read_only(desk.deployment.database).connect() as connection:
        return views.changed(desk.seen(connection, token, number))
