"""What an operator configures for a mailing tool."""

from __future__ import annotations

import base64
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

_DATA_CENTRE = re.compile(r"-([a-z]{2,4}[0-9]{1,3})$")


class Settings(BaseModel):
    """The settings of one mailing account.

    Another provider becomes one more value of `provider` and one more entry in
    `connector.PROVIDERS`; what only one of them needs is refused for the others here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["mailchimp"] = Field(
        default="mailchimp", description="Which mailing tool the account is at."
    )
    api_key: SecretStr = Field(
        description="The account's API key. Mailchimp's ends in the data centre: …-us21."
    )
    base_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where the API is, without /3.0; for a sandbox. Empty: from the key.",
    )
    double_opt_in: list[str] = Field(
        default_factory=list,
        description="Audience ids in which a subscription counts only once the person has "
        "confirmed it: the hub asks (pending) instead of subscribing.",
    )

    @model_validator(mode="after")
    def _has_a_data_centre(self) -> Settings:
        if not self.base_url and not _DATA_CENTRE.search(self.api_key.get_secret_value()):
            raise ValueError("api_key must end in its data centre, for example '-us21'")
        return self

    @property
    def address(self) -> str:
        """The root of the API: the override, or the data centre that the key names."""
        if self.base_url:
            return self.base_url.rstrip("/")
        found = _DATA_CENTRE.search(self.api_key.get_secret_value())
        assert found  # the validator saw to it
        return f"https://{found[1]}.api.mailchimp.com"

    @property
    def authorization(self) -> dict[str, str]:
        """HTTP Basic with any user name; the key is the password."""
        pair = f"hub:{self.api_key.get_secret_value()}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
