"""Telling people what a run found: by e-mail and by a webhook, each finding once while it lasts.

The entry point is :func:`tell`. What is a finding, a run says; nothing is judged here.
"""

from orchestration.alerts.telling import Finding, tell

__all__ = ["Finding", "tell"]
