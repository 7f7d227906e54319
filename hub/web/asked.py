"""What can be sent, field by field. Unknown fields are refused; lengths are bounded."""

from __future__ import annotations

import base64
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.domain.deadline import ExtensionReason
from hub.domain.exemption import ExemptionGround
from hub.domain.rights import DataCategory, Right, Way
from hub.rights.intake import GDPR_APPLIES

# NUL fits into no PostgreSQL text
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

Line = Annotated[str, Field(max_length=254, pattern=_ONE_LINE)]
Note = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
Language = Literal["fi", "sv", "en"]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


def _base64(text: str) -> str:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise PydanticCustomError("base64", "is no base64") from None
    return text


Base64 = Annotated[
    str,
    Field(min_length=4, max_length=700_000, pattern=r"^[A-Za-z0-9+/\s]+={0,2}\s*$"),
    AfterValidator(_base64),
]


class Body(BaseModel):
    """A JSON object without any fields but these."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewRequest(Body):
    """A data subject's request as it was received."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "right": "erasure",
                    "controllers": ["crowst"],
                    "email": "aino.virtanen@kuviteltu.example",
                    "received_at": "2026-11-02T09:15:00+02:00",
                    "language": "fi",
                    "message": "Poistakaa tietoni.",
                },
                {
                    "right": "rectification",
                    "controllers": ["crowst"],
                    "email": "aino.virtanen@kuviteltu.example",
                    "corrections": {"last_name": "Virtanen-Laine"},
                },
            ]
        }
    )

    right: Right = Field(description="What is asked for.")
    controllers: list[Code] = Field(
        min_length=1,
        max_length=20,
        description="The companies that were asked, by their ids in the configuration.",
        examples=[["crowst"]],
    )
    email: Line = Field(
        min_length=3,
        description="The address through which the person may be reached about the request.",
        examples=["aino.virtanen@kuviteltu.example"],
    )
    received_at: AwareDatetime | None = Field(
        default=None,
        ge=GDPR_APPLIES,
        description="When it arrived, with its time zone; the deadline counts from it. Left out: "
        "now. Never in the future, never before the GDPR applied.",
        examples=["2026-11-02T09:15:00+02:00"],
    )
    name: Line = Field(default="", description="As the person gave it.", examples=["Aino Virtanen"])
    phone: Line = Field(
        default="",
        description="With its country code, as the person gave it.",
        examples=["+358 40 123 4567"],
    )
    language: Language = Field(default="fi", description="The language of the answer.")
    also_known_as: list[Annotated[Line, Field(min_length=3)]] = Field(
        default=[],
        max_length=20,
        description="Further addresses of the person.",
        examples=[["aino@virtanen.example"]],
    )
    message: str = Field(
        default="", max_length=100_000, description="What the person wrote; kept sealed."
    )
    corrections: dict[Annotated[str, Field(max_length=64)], Line] = Field(
        default={},
        max_length=50,
        description="Of a rectification: hub field to its right value.",
        examples=[{"last_name": "Virtanen-Laine"}],
    )
    purposes: list[Code] = Field(
        default=[],
        max_length=50,
        description="Of an objection: the purposes that are objected to; none: all marketing.",
        examples=[["newsletter"]],
    )


class MessageEvidence(Body):
    """The message that the request came in. It is enough if its sender is the person's address and
    the sender's domain signed it (DKIM)."""

    how: Literal["message"] = Field(description="Which kind of evidence.")
    message: Base64 = Field(
        description="The raw message (RFC 5322), in base64; 512 KiB at most.",
        examples=[
            "RnJvbTogYWluby52aXJ0YW5lbkBrdXZpdGVsdHUuZXhhbXBsZQ0KDQpQb2lzdGFrYWEgdGlldG9uaS4="
        ],
    )

    @property
    def raw(self) -> bytes:
        """The message itself."""
        return base64.b64decode("".join(self.message.split()))


class WordEvidence(Body):
    """A handler's word on who asks. No copies of identity papers are taken."""

    how: Literal["signed-message", "known-to-handler", "mandate"] = Field(
        description="How the person is known; mandate: somebody acts for them."
    )
    note: Note = Field(
        description="What it rests on.", examples=["Called back on the number in the CRM."]
    )


class Doubt(Body):
    """A reasonable doubt (Art. 12(6)): the clock stands still until it is answered."""

    how: Literal["doubt"] = Field(description="Which kind of evidence.")
    note: Note = Field(description="The reason.", examples=["The address is not on record."])


Identity = Annotated[MessageEvidence | WordEvidence | Doubt, Field(discriminator="how")]


class GivenCode(Body):
    """A one-time code, as the person gave it back."""

    code: Line = Field(min_length=1, description="The code.", examples=["K7PQ2MXD"])


class Scoped(Body):
    """The person confirmed that they mean other controllers too."""

    controllers: list[Code] = Field(
        min_length=1, max_length=20, description="Those.", examples=[["bangeri"]]
    )


class OneExemption(Body):
    """What one system keeps, and on what ground."""

    system: Code = Field(description="A system of the plan.", examples=["crowst-crm"])
    category: DataCategory = Field(description="What kind of data.")
    ground: ExemptionGround = Field(description="From the closed list.")
    until: date | None = Field(
        default=None,
        description="The first day on which the ground holds no more: the erasure runs again then. "
        "In the future; needed by every ground that keeps data.",
        examples=["2033-01-01"],
    )


class Exemptions(Body):
    """What is refused of a plan, whole: an earlier decision is replaced."""

    exemptions: list[OneExemption] = Field(
        max_length=100, description="None: everything is carried out."
    )
    reason: Note = Field(
        description="For the case file and the letter.", examples=["Invoices of 2026."]
    )


class Refusal(Body):
    """The whole request is refused (Art. 12(4)-(5))."""

    ground: ExemptionGround = Field(description="From the closed list.")
    reason: Note = Field(
        description="For the case file and the letter.",
        examples=["The fourth identical request this month."],
    )


class Approval(Body):
    """Approves the plan that was looked at, and no other."""

    plan_hash: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="`plan.hash` of the request as it was shown.",
        examples=["5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"],
    )


class Hold(Body):
    """Nothing more is carried out until the request is released. The clock runs on."""

    reason: Note = Field(description="For the case file.", examples=["A dispute is pending."])


class Extending(Body):
    """Two further months, once, of which the person was told (Art. 12(3))."""

    reason: ExtensionReason = Field(description="The two grounds that the law has.")
    explanation: Note = Field(
        description="As the person was told.", examples=["Seven systems hold data of you."]
    )


class Notice(Body):
    """The person was told: what was done, why not, or that a restriction ends."""

    how: Way = Field(description="By what way.")
    text: Note = Field(description="What they were told.", examples=["Tietosi on poistettu."])


class NewNote(Body):
    """A handler's note."""

    text: Note = Field(description="Kept sealed in the case file.", examples=["Called, no answer."])


class Confirmation(Body):
    """A named person did what a task asks."""

    by: Line = Field(
        min_length=1,
        description="Who; the name is part of the proof.",
        examples=["Ville Korhonen"],
    )
    statement: Note = Field(
        description="What was done, in their own words.",
        examples=["Deleted the contact and emptied the bin."],
    )


class Match(Body):
    """A word on records that were found but are not certainly the person's."""

    same: bool = Field(description="Whether they are the person's.")
    records: list[Annotated[int, Field(ge=1, le=2**31)]] = Field(
        min_length=1,
        max_length=1000,
        description="Which: their numbers, as `…/matches` lists them.",
        examples=[[1]],
    )
