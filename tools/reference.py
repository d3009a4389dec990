"""The reference pages of the docs, made from the code: ``make reference`` writes them, and a test says when one is stale.

Every fact on them stands in one place of the project: a key beside its field, a format beside its staging model, a destination's
facts in its module, a published column in the contract of its model, a command in the command line itself.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import BaseModel

from orchestration.core.channels import CHANNELS
from orchestration.core.config import Company, Destination, Encryption, Limits, Source, known_systems
from orchestration.core.home import CHECKOUT
from orchestration.core.wording import listed
from orchestration.destinations.contract import Facts, facts_of, settings_of
from orchestration.setup.described import first_sentence, keys_with_meaning
from orchestration.setup.formats import all_formats, page_of

FOLDER = CHECKOUT / "docs" / "reference"
_MADE = "<!-- Made by `make reference` from the code. Change it there. -->\n\n"
_SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("[company]", "Once.", Company),
    ("[sources.NAME]", "One for each folder `inbox/NAME/`. NAME is lower-case letters, digits and `_`.", Source),
    ("[destinations.NAME]", "One for each system that must know. Keys of its own: [destinations](destinations.md).", Destination),
    ("[limits]", "Optional.", Limits),
    ("[encryption]", "Optional.", Encryption),
)


def pages(commands: click.Group) -> dict[Path, str]:
    """Every reference page by its path below ``docs/reference``; ``commands`` is the command line."""
    made = {
        Path("configuration.md"): "\n".join(_configuration()),
        Path("destinations.md"): "\n".join(_destinations()),
        Path("published.md"): "\n".join(_published()),
        Path("commands.md"): "\n".join(_commands(commands)),
        Path("formats") / "README.md": "\n".join(_formats()),
    }
    made |= {Path("formats") / f"{found.name}.md": page_of(found) for found in all_formats()}
    return {path: _MADE + text.rstrip() + "\n" for path, text in made.items()}


def write(commands: click.Group, folder: Path = FOLDER) -> list[Path]:
    """Write the pages, remove those of what is no more, and return what changed."""
    wanted = {folder / path: text for path, text in pages(commands).items()}
    changed = [path for path in sorted(folder.rglob("*.md")) if path not in wanted]
    for path in changed:
        path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _configuration() -> Iterator[str]:
    yield from (
        "# quietlist.toml",
        "",
        "One file in the home. Unknown keys are refused, and all problems are reported at once. `quietlist init` writes a",
        "commented one. A secret never stands in it: a key that ends in `_env` names the environment variable that holds it.",
        "",
    )
    for title, when, model in _SECTIONS:
        yield from (f"## {title}", "", when, "", *_keys(model), "")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    for key, field, meaning in keys_with_meaning(model):
        default = "required" if field.is_required() else f"`{_toml(field.get_default(call_default_factory=True))}`"
        yield f"| `{key}` | {_type(field.annotation)} | {default} | {_cell(meaning)} |"


def _type(annotation: Any) -> str:
    text = str(annotation)
    words = [
        word
        for sign, word in (("tuple", "list of texts"), ("dict", "table"), ("bool", "true or false"), ("float", "number"),
                           ("int", "whole number"))
        if sign in text
    ]  # fmt: skip
    return words[0] if words else "text"


def _toml(value: object) -> str:
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)).replace("'", '"') if isinstance(value, tuple) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def _destinations() -> Iterator[str]:
    yield from ("# Destinations", "", "What each system can hold and prove. Keys that every destination has: "
                "[configuration](configuration.md).", "")  # fmt: skip
    for system in known_systems():
        facts, module = facts_of(system), sys.modules[settings_of(system).__module__]
        yield from (f"## {system}", "", *(module.__doc__ or "").strip().splitlines(), "", *_facts(facts), "")
        yield from (*_keys(settings_of(system)), "")


def _facts(facts: Facts) -> Iterator[str]:
    proof = {
        "full": "everything there is read back, so each row is proved",
        "point": "each row is looked up, so each row is proved",
        "receipt": "the system answers once for each row and cannot be asked again",
        "none": "the system shows nothing: accepted, not provable",
    }[str(facts.read_back)]
    yield f"- Channels: {listed([channel for channel in CHANNELS if channel in facts.channels])}."
    yield f"- Identifiers: {listed(sorted(facts.identifier_types))}."
    yield f"- Proof: {proof}."


def _published() -> Iterator[str]:
    contract = CHECKOUT / "dbt_project" / "models" / "golden" / "_golden.yml"
    models = yaml.safe_load(contract.read_text(encoding="utf-8"))["models"]
    model = next(entry for entry in models if entry["name"] == "golden_suppression")
    yield from ("# The published table", "", *model["description"].strip().splitlines(), "")
    yield from (
        "`published/golden_suppression/latest.json` leads to the version in force, and the version's `manifest.json` names its",
        "files. Read those and no others: a folder that `latest.json` does not lead to was never published.",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(f"| `{column['name']}` | {column['data_type']} | {_cell(column['description'])} |" for column in model["columns"]),
        "",
        "## May this address be mailed for this list?",
        "",
        "A look-up for `acme/newsletter` asks for the rows of `*`, `acme` and `acme/newsletter`, and omits those that except one",
        "of these nodes:",
        "",
        "```python",
        *_EXAMPLE.strip().splitlines(),
        "```",
        "",
        "`quietlist check` answers the same question with the registries and the law beside it.",
    )


_EXAMPLE = '''
import json
from pathlib import Path

import duckdb


def may_not_be_contacted(published: Path, channel: str, scope: str) -> duckdb.DuckDBPyRelation:
    """The identifiers that are suppressed on a channel at one node of the tree."""
    latest = json.loads((published / "latest.json").read_text())
    version = published / f"version={latest['version']}"
    files = [str(version / file["name"]) for file in json.loads((version / "manifest.json").read_text())["files"]
             if file["name"].startswith("part-")]
    parts = scope.split("/")
    nodes = ["*"] + ["/".join(parts[: number + 1]) for number in range(len(parts))] if scope != "*" else ["*"]
    return duckdb.sql(
        "select distinct identifier from read_parquet($files) where channel = $channel and list_contains($nodes, scope) "
        "and not list_has_any(coalesce(except_scopes, []), $nodes)",
        params={"files": files, "channel": channel, "nodes": nodes},
    )
'''


def _commands(commands: click.Group) -> Iterator[str]:
    yield from (
        "# The command line",
        "",
        "`quietlist COMMAND --help` prints the same. [Operations](../operations.md) has the exit codes.",
    )
    yield ""
    yield from _command(commands, "quietlist")


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        yield from (f"## {path}", "", *inspect.cleandoc(command.help or "").splitlines(), "", f"    {usage}", "")
        options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
        if options:
            yield from ("| option | |", "|---|---|")
            for option in options:
                names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
                yield f"| {names} | {_cell(option.help or '')} |"
            yield ""
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _command(command.commands[name], f"{path} {name}")


def _formats() -> Iterator[str]:
    yield from (
        "# Formats",
        "",
        "What a source may deliver (`format = ...`). Each page is made from the description beside the staging models; what",
        "could not be verified against the vendor says so there.",
        "",
    )
    yield from ("| format | holds | |", "|---|---|---|")
    for found in all_formats():
        kinds = listed([kind.replace("_", " ") for kind in found.kinds])
        yield f"| [{found.name}]({found.name}.md) | {kinds} | {_cell(first_sentence(found.feeds[0].description))} |"


if __name__ == "__main__":
    from orchestration.cli import main

    for path in write(main):
        print(path.relative_to(CHECKOUT))
