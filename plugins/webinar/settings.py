"""What an operator configures for a webinar tool."""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

API, OAUTH = "https://api.zoom.us", "https://zoom.us"


class Settings(BaseModel):
    """The settings of one webinar account.

    Another provider becomes one more value of `provider` and one more entry in
    `connector.PROVIDERS`; what only one of them needs is refused for the others here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["zoom"] = Field(
        default="zoom", description="Which webinar tool the account is at."
    )
    account_id: str = Field(
        min_length=1, description="The account id of the server-to-server OAuth app."
    )
    client_id: str = Field(min_length=1, description="The app's client id.")
    client_secret: SecretStr = Field(description="The app's client secret.")
    user: str = Field(
        default="me",
        min_length=1,
        description="The host of the webinars: user id or e-mail. 'me' is the app's owner.",
    )
    other_users: list[str] = Field(
        default_factory=list,
        description="Further hosts of the account. Their webinars too are searched when a person "
        "uses a right.",
    )
    yes_answers: list[str] = Field(
        default=["Yes", "Kyllä", "Ja", "On"],
        min_length=1,
        description="Answers to a question that mean consent; where several may be ticked, each "
        "that is must be one of them. Any other answer, and none, is no refusal.",
    )
    base_url: str = Field(
        default=API,
        pattern=r"^https?://\S+$",
        description="Where the API is, without /v2; for a sandbox.",
    )
    oauth_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where tokens are given, without /oauth/token. Empty: Zoom's own place, or "
        "base_url where that is another one.",
    )

    @property
    def address(self) -> str:
        """The root of the API."""
        return self.base_url.rstrip("/")

    @property
    def token_url(self) -> str:
        """Where a token is asked for."""
        usual = OAUTH if self.address == API else self.address
        return (self.oauth_url or usual).rstrip("/") + "/oauth/token"

    @property
    def authorization(self) -> dict[str, str]:
        """HTTP Basic of the app, for the token alone."""
        pair = f"{self.client_id}:{self.client_secret.get_secret_value()}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
