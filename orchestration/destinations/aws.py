"""What destinations at Amazon share: the region an account is asked in, and the signature of each request.

Not here: what a service's lists are and how they are asked (``systems/ses.py``, ``systems/aws_sms.py``).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from orchestration.core.credentials import secret
from orchestration.destinations.lists import ListSettings, System
from orchestration.http.auth import Auth, AwsSigned


class AwsSettings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, where the account is, and its key."""

    system_table: ClassVar[System]
    service: ClassVar[str]
    """As a signature names it."""
    host: ClassVar[str]
    """The first word of the service's address in each region."""

    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", examples=["eu-west-1"])
    """The region whose lists they are."""
    access_key_id_env: str
    """Name of the environment variable with the id of the access key that ``api_key_env`` holds the secret of."""
    session_token_env: str = ""
    """Name of the environment variable with the session token that goes with a temporary key."""

    def base_for(self, key: str) -> str:
        return self.base_url or f"https://{self.host}.{self.region}.amazonaws.com"


def signed(settings: ListSettings, key: SecretStr) -> Auth:
    """Who asks, for every list of a service."""
    assert isinstance(settings, AwsSettings)
    used_for = f"a destination of the system {settings.system_table.facts.system}"
    token = secret(settings.session_token_env, used_for) if settings.session_token_env else None
    return AwsSigned(secret(settings.access_key_id_env, used_for), key, settings.region, settings.service, token)
