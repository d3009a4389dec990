"""A single identifier, as ``check`` and ``explain`` read it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestration.core.errors import ConfigError
from orchestration.identifiers.lookup import normalise_identifier


@pytest.mark.parametrize(
    ("channel", "raw", "region", "expected"),
    [
        ("email", "Jane <JANE@example.com>", None, ("email", "jane@example.com", None)),
        ("voice", "(202) 555-0123", "US", ("phone", "+12025550123", None)),
        ("sms", "202-555-0123 x1", "US", ("phone", "+12025550123", "extension_dropped")),
        ("fax", "+44 20 7946 0123", None, ("phone", "+442079460123", None)),
        ("phone", "2025550123", None, ("phone", None, "no_region")),
        ("ads", "jane@example.com", None, ("email", "jane@example.com", None)),
        ("ads", "+12025550123", None, ("phone", "+12025550123", None)),
        ("postal", "Jane Doe|1 Main St.|12345|USA", None, ("postal", "jane doe|1 main st|12345|US", None)),
        ("postal", "jane doe|1 main st|12345|US", None, ("postal", "jane doe|1 main st|12345|US", None)),
        ("postal", "Jane Doe|1 Main St.|12345", None, ("postal", "jane doe|1 main st|12345|", None)),
        ("postal", "Jane Doe", None, ("postal", None, "incomplete_address")),
        ("postal", "a|b|c|d|e", None, ("postal", None, "incomplete_address")),
        ("email", "n/a", None, ("email", None, "no_at")),
    ],
)
def test_identifier_of_a_channel_or_type(channel: str, raw: str, region: str | None, expected: tuple[str | None, ...]) -> None:
    assert normalise_identifier(channel, raw, region) == expected


def test_unknown_channel_is_a_usage_error_without_the_identifier() -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_identifier("pigeon", "jane@example.com")
    assert "pigeon" in str(caught.value)
    assert "jane" not in str(caught.value)


def test_looking_one_up_imports_no_database() -> None:
    code = (
        "import sys; from orchestration.identifiers.lookup import normalise_identifier as n; "
        "n('email', 'jane@example.com'); n('voice', '+12025550123'); n('postal', 'a|b|c'); "
        "print([name for name in ('duckdb', 'pyarrow', 'pandas', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
