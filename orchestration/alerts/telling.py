"""Which findings are told now, by which channel, and what an alert says.

An alert holds levels and the sentences that a run prints, which are counts and names of sources and systems, and nobody's address
or number. What was told is remembered by channel in ``warehouse/alerts.json``: whoever runs the pipeline, the command or
Dagster, a finding is told once in ``repeat_hours``. A channel that failed is tried again by the next run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.alerts import mail, webhook
from orchestration.core.config import Config
from orchestration.core.errors import QuietlistError, redacted_errors
from orchestration.core.files import sha256_text, write_atomic
from orchestration.core.home import Home
from orchestration.core.lock import locked
from orchestration.core.masks import mask_text
from orchestration.core.outcome import Outcome
from orchestration.core.wording import counted, moment

LEVELS = ("alert", "hold", "stop", "failed")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_Send = Callable[[str, Sequence[str], dict[str, Any]], None]


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know."""

    level: str
    said: str

    @property
    def key(self) -> str:
        """The same for the same sentence with other figures in it."""
        return sha256_text(f"{self.level}: {_NUMBER.sub('#', self.said)}")


def findings_of(outcome: Outcome) -> list[Finding]:
    """What a run has to say, most severe first. That another run was at work is no finding: it does what this one would have."""
    found = [Finding(*sentence.split(": ", 1)) for sentence in outcome.unmet]
    found += [Finding("failed", sentence) for sentence in outcome.errors if not outcome.is_busy]
    return sorted(dict.fromkeys(found), key=lambda item: -LEVELS.index(item.level))


def tell(home: Home, config: Config, outcome: Outcome, now: datetime) -> list[str]:
    """Send what was not told lately, by every configured channel. ``now`` is the machine's clock: it is people who are told.

    Returns:
        A sentence for each channel that failed. A run is as good as it was: nothing is raised for it.
    """
    settings = config.alerts
    wanted = [item for item in findings_of(outcome) if LEVELS.index(item.level) >= LEVELS.index(settings.at_least)]
    channels: dict[str, _Send] = {}
    if settings.email is not None:
        channels["email"] = mail.sender(settings.email)
    if settings.webhook is not None:
        channels["webhook"] = webhook.poster(settings.webhook)
    if not wanted or not channels:
        return []
    failed = []
    try:
        with redacted_errors("Noting what was told"), _told(home, now, timedelta(hours=settings.repeat_hours)) as told:
            for channel, send in channels.items():
                mine = told.get(channel, {})
                fresh = [item for item in wanted if item.key not in mine]
                if not fresh:
                    continue
                try:
                    with redacted_errors(f"Sending an alert by {channel}"):
                        send(*_message(home, config, outcome, fresh))
                except QuietlistError as error:
                    failed.append(str(error))
                else:
                    told[channel] = {**mine, **{item.key: now.isoformat() for item in fresh}}
    except QuietlistError as error:
        failed.append(str(error))  # a full disk, say: what was sent was sent, and is sent again
    return failed


def _message(home: Home, config: Config, outcome: Outcome, fresh: Sequence[Finding]) -> tuple[str, list[str], dict[str, Any]]:
    """Subject, lines of text, and the same for a program."""
    # The step behind a gate that stopped failed because it did.
    worst = "stop" if outcome.gate_level == "stop" and fresh[0].level == "failed" else fresh[0].level
    subject = f"Quietlist, {config.company.name}: {worst}, {counted(len(fresh), 'finding')} of {outcome.job}"
    said = [(item.level, mask_text(item.said)) for item in fresh]
    lines = [
        f"The run {outcome.job} as of {moment(outcome.as_of)} found:",
        *(f"- {level}: {text}" for level, text in said),
        f"Home: {home.root}",
        f"Each finding is repeated after {config.alerts.repeat_hours} hours while it lasts.",
    ]
    body = {
        "company": config.company.name,
        "job": outcome.job,
        "as_of": outcome.as_of.isoformat(),
        "level": worst,
        "findings": [{"level": level, "said": text} for level, text in said],
    }
    return " ".join(subject.split()), lines, body


@contextmanager
def _told(home: Home, now: datetime, lasts: timedelta) -> Iterator[dict[str, dict[str, str]]]:
    """What was told by whom and is not to be told again yet; kept afterwards. One process at a time: a command and Dagster's
    sensor may end in the same second.
    """
    path, kept = home.alerts_file, {}
    with ExitStack() as stack:
        try:
            home.create()
            stack.enter_context(locked(path.with_suffix(".lock"), None))
            kept = _read(path.read_bytes() if path.is_file() else b"{}")
        except (OSError, QuietlistError):
            pass  # on a disk that is full or may not be written to, a person must be told all the more; the end below says it
        # What was told in the future was told by a clock that was wrong, and must not silence anything until then.
        told = {
            channel: {key: at for key, at in entries.items() if timedelta(0) <= now - datetime.fromisoformat(at) < lasts}
            for channel, entries in kept.items()
        }
        try:
            yield told
        finally:
            if told != kept:
                write_atomic(path, json.dumps(told, indent=1, sort_keys=True) + "\n")


def _read(text: bytes) -> dict[str, dict[str, str]]:
    """What a file of ours holds; one that cannot be read is nothing told, and everything is told again."""
    try:
        kept = json.loads(text)
        return {
            str(channel): {str(key): datetime.fromisoformat(at).astimezone(UTC).isoformat() for key, at in entries.items()}
            for channel, entries in kept.items()
        }
    except (ValueError, AttributeError, TypeError):
        return {}
