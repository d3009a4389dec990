"""How a page for people is made from a template: the same settings for the report, certificates, Data Docs and packs.

What stands on a page, and which filters it needs, is the business of whoever writes it.
"""

from __future__ import annotations

from pathlib import Path

import jinja2


def page_environment(templates: Path) -> jinja2.Environment:
    """For templates in this folder: every value is escaped, and a name that nobody gave is an error and no gap on the page."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
