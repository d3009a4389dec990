"""Secrets as they are configured: by the name of the environment variable that holds one."""

from __future__ import annotations

import os

from pydantic import SecretStr

from orchestration.core.errors import ConfigError


def secret(variable: str, used_for: str) -> SecretStr:
    """The secret in an environment variable.

    Raises:
        ConfigError: the variable is not set, or empty.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise ConfigError(
            f"Reading the secret for {used_for}",
            seen=f"the environment variable {variable} is not set or empty",
            next_step=f"set {variable} where this process starts",
        )
    return SecretStr(value)
