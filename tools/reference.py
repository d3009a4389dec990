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

from orchestration.connectors.contract import KINDS
from orchestration.connectors.contract import settings_of as pull_settings
from orchestration.core.channels import CHANNELS
from orchestration.core.config import (
    Alerts,
    Canaries,
    Company,
    DagsterSettings,
    Destination,
    Encryption,
    Limits,
    MailAlerts,
    Matters,
    Publish,
    Pull,
    Source,
    WebhookAlerts,
    known_systems,
)
from orchestration.core.home import CHECKOUT
from orchestration.core.wording import listed
from orchestration.destinations.contract import Facts, facts_of, settings_of
from orchestration.destinations.lists import System
from orchestration.setup.described import first_sentence, keys_with_meaning
from orchestration.setup.formats import all_formats, page_of
from orchestration.sync.plan import CLOCKS_APART

FOLDER = CHECKOUT / "docs" / "reference"
_MADE = "<!-- Made by `make reference` from the code. Change it there. -->\n\n"
_SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("[company]", "Once.", Company),
    ("[sources.NAME]", "One for each folder `inbox/NAME/`. NAME is lower-case letters, digits and `_`.", Source),
    (
        "[destinations.NAME]",
        "One for each system that must know. Keys of its own: [destinations](destinations/README.md).",
        Destination,
    ),
    (
        "[sources.NAME.pull]",
        "Optional: how the source is fetched instead of delivered. Keys of its kind are below. See [pulling](../pulling.md).",
        Pull,
    ),
    ("[limits]", "Optional.", Limits),
    ("[publish]", "Optional.", Publish),
    ("[encryption]", "Optional.", Encryption),
    ("[dagster]", "Optional. See [deployment](../deployment.md).", DagsterSettings),
    ("[alerts]", "Optional; see [alerts](../dagster.md#alerts).", Alerts),
    ("[alerts.email]", "Optional.", MailAlerts),
    ("[alerts.webhook]", "Optional.", WebhookAlerts),
    ("[matters]", "Optional; see [matters and reviews](../operations.md#matters-and-reviews).", Matters),
    ("[canaries]", "Optional; see [canaries](../canaries.md).", Canaries),
)


def pages(commands: click.Group) -> dict[Path, str]:
    """Every reference page by its path below ``docs/reference``; ``commands`` is the command line."""
    made = {
        Path("configuration.md"): "\n".join(_configuration()),
        Path("destinations") / "README.md": "\n".join(_destinations()),
        Path("published.md"): "\n".join(_published()),
        Path("commands.md"): "\n".join(_commands(commands)),
        Path("formats") / "README.md": "\n".join(_formats()),
    }
    made |= {Path("destinations") / f"{system}.md": "\n".join(_destination(system)) for system in known_systems()}
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
        if model is Pull:
            for kind in KINDS:
                yield from (f'### With `kind = "{kind}"`', "", *_keys(pull_settings(kind)), "")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    for key, field, meaning in keys_with_meaning(model):
        default = "required" if field.is_required() else f"`{_toml(field.get_default(call_default_factory=True))}`"
        yield f"| `{key}` | {_type(field.annotation)} | {default} | {_cell(meaning)} |"


def _type(annotation: Any) -> str:
    text = str(annotation)
    words = [
        word
        for sign, word in (
            ("Alerts", "section"),
            ("tuple", "list of texts"),
            ("dict", "table"),
            ("bool", "true or false"),
            ("float", "number"),
            ("int", "whole number"),
        )
        if sign in text
    ]
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
    yield from (
        "# Destinations",
        "",
        "What each system can hold, prove and lift. Keys that every destination has: [configuration](../configuration.md).",
        "",
        "| system | channels | proof | lifts | tells who wrote a row |",
        "|---|---|---|---|---|",
    )
    for system in known_systems():
        facts = facts_of(system)
        channels = ", ".join(channel for channel in CHANNELS if channel in facts.channels)
        lifts, tells = ("yes" if holds else "no" for holds in (facts.can_release, facts.keeps_our_mark))
        yield f"| [{system}]({system}.md) | {channels} | {facts.read_back} | {lifts} | {tells} |"
    yield from (
        "",
        "Proof: `full`, everything there is read back; `point`, each row is looked up when it was put and again within a month,",
        "and what others put is not seen; `receipt`, the system answers once for each row and cannot be asked again; `none`, it",
        "shows nothing. Only the first two are ever called verified.",
        "",
        "Looking rows up takes time: a first push of 100,000 rows to a vendor that answers for one row a call would ask for",
        "hours. So a push asks for `look_up_minutes` (30), half of them before it sends: first for what is to be lifted, then",
        "for what is to be put, the newest opt-outs first. What there was no time for is sent all the same, and said to be",
        "sent, not verified; the next pushes look it up. Whether such a row was there before nobody knows, so it is never",
        "lifted: once it is no longer wanted the push tells of it (`put_unseen`), until a person has lifted it there. No row",
        "is lifted in a push that did not see it (`not_looked_up`). Who starts with a long list, and wants its rows to be",
        "lifted later, gives the first push more time.",
        "",
        "A system that does not tell who wrote a row: one is ours only when a push had looked, it was not there, and that push",
        "put it. Everything else is somebody's own opt-out: it is ingested as a source, and nothing lifts it. A put that was",
        "never answered put nothing, unless the row's own age says so. Where a system keeps when a row came to be, one that is",
        f"more than {CLOCKS_APART.seconds // 60} minutes younger than our put, by the two machines' clocks, is not ours (beside",
        "`visible_within_seconds`). Where it keeps neither that nor who wrote a row, one that was taken off by hand and came",
        "back between two pushes passes for ours. Let one home alone write to such a list, and after a backup came back run a",
        "dry run first.",
        "",
        "One list is kept by one destination: two on one host, with one key and one list, are refused, whatever the variables",
        "are called. Two keys of one account are not told apart, unless the list's name is the vendor's own (a Mailgun domain,",
        "a Mailchimp audience, a Twilio service or number, a client of Campaign Monitor's, a subscription group of Braze's): it",
        "is yours to see that an account is configured once.",
    )


def _destination(system: str) -> Iterator[str]:
    facts, model = facts_of(system), settings_of(system)
    module = sys.modules[model.__module__]
    yield from (f"# {system}", "", *(module.__doc__ or "").strip().splitlines(), "", *_facts(facts), "")
    yield from ("## Set it up", "", "```toml", *_example(system), "```", "")
    if facts.permission:
        yield from (f"- What the key must be allowed to do: {facts.permission}.",)
    yield from (*(f"- {sentence}" for sentence in facts.by_hand), "")
    for title, sentences in (
        ("What it does not prove", facts.unproved),
        ("Not verified in the vendor's own documentation", facts.unverified),
    ):
        if sentences:
            yield from (f"## {title}", "", *(f"- {sentence}" for sentence in sentences), "")
    if facts.calls:
        yield from ("## Every request that is ever sent", "", *(f"- `{call}`" for call in facts.calls), "")
        yield from ("Any other is refused before it leaves, and so is one with an empty part in its path. Among these are:", "")
        yield from (*(f"- `{danger.call}` {danger.does}." for danger in facts.dangers), "")
    yield from (
        "## Keys",
        "",
        "Beside those that every destination has: [configuration](../configuration.md).",
        "",
        *_keys(model),
    )


def _example(system: str) -> Iterator[str]:
    """A block that is complete: a test reads it as a configuration."""
    facts = facts_of(system)
    channels = [channel for channel in CHANNELS if channel in facts.channels]
    yield from (f"[destinations.{system}_main]", f'system = "{system}"')
    yield f"channels = {_toml(tuple(channels))}"
    yield 'scopes = ["acme/newsletter"]'
    for key, field, _ in keys_with_meaning(settings_of(system)):
        if field.is_required() or field.examples:
            value = (field.examples or [f"{system}_{key.removesuffix('_env')}".upper()])[0]
            yield f"{key} = {_toml(tuple(value))}" if isinstance(value, list) else f'{key} = "{value}"'
    if facts.lists:
        yield f'lists = {{ "acme/newsletter" = "{facts.list_example}" }}'


def _facts(facts: Facts) -> Iterator[str]:
    proof = {
        "full": "everything there is read back, so each row is proved",
        "point": "each row is looked up when it was put, or as soon as `look_up_minutes` allow, and again within a month; "
        "what others put is not seen",
        "receipt": "the system answers once for each row and cannot be asked again",
        "none": "the system shows nothing: accepted, not provable",
    }[str(facts.read_back)]
    yield f"- Channels: {listed([channel for channel in CHANNELS if channel in facts.channels])}."
    yield f"- Identifiers: {listed(sorted(facts.identifier_types))}."
    yield f"- Proof: {proof}."
    if facts.visible_within_seconds:
        yield f"- A row may take {facts.visible_within_seconds:g} seconds to show; until then none is called missing."
    if not facts.can_release:
        yield "- Lifts nothing: a release is held, and told of, until somebody lifts the row by hand."
    if not facts.keeps_our_mark:
        yield "- Does not tell who wrote a row: only what a push put where nothing was is ours, and ours alone is lifted."
    if facts.lists:
        yield f"- A list there is {facts.lists}."
    if facts.calls:
        pace = f", {facts.calls_per_second:g} calls in a second" if facts.calls_per_second else ""
        puts, lifts = _one_by_one(facts.system)
        size = "One row" if puts else f"At most {facts.batch_size or 0:,} rows"
        yield f"- {size} in a call{pace}{'; rows are lifted one by one' if lifts and not puts else ''}."


def _one_by_one(system: str) -> tuple[bool, bool]:
    """Whether rows are put, and lifted, by a call each."""
    table: System | None = getattr(settings_of(system), "system_table", None)
    if table is None:
        return False, False
    endpoints = table.endpoints(table.facts.list_example)
    lifts = table.facts.can_release and endpoints.release is not None and "{identifier}" in endpoints.release.call.path
    return endpoints.put.one_by_one, lifts


def _published() -> Iterator[str]:
    contract = CHECKOUT / "dbt_project" / "models" / "golden" / "_golden.yml"
    models = yaml.safe_load(contract.read_text(encoding="utf-8"))["models"]
    model = next(entry for entry in models if entry["name"] == "golden_suppression")
    yield from ("# The published table", "", *model["description"].strip().splitlines(), "")
    yield from (
        "`published/golden_suppression/latest.json` names the version in force and, under `files`, the files of its rows, from",
        "its own folder. Read those and no others: a folder that `latest.json` does not lead to was never published. The pattern",
        "`version=<n>/*.parquet` gives the same files: what else a version has lies in folders of its own, beside a",
        "`manifest.json` with the hash of every file. A version never changes. Read `latest.json` again for each batch of",
        "questions.",
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
        "The same with pandas:",
        "",
        "```python",
        *_PANDAS.strip().splitlines(),
        "```",
        "",
        "And with Apache Spark, where the folder is one that all its machines see:",
        "",
        "```python",
        *_SPARK.strip().splitlines(),
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
    files = [str(published / name) for name in json.loads((published / "latest.json").read_text())["files"]]
    parts = scope.split("/")
    nodes = ["*"] + ["/".join(parts[: number + 1]) for number in range(len(parts))] if scope != "*" else ["*"]
    return duckdb.sql(
        "select distinct identifier from read_parquet($files) where channel = $channel and list_contains($nodes, scope) "
        "and not list_has_any(coalesce(except_scopes, []), $nodes)",
        params={"files": files, "channel": channel, "nodes": nodes},
    )
'''
_PANDAS = """
import json
from pathlib import Path

import pandas as pd


def may_not_be_contacted(published: Path, channel: str, scope: str) -> set[str]:
    files = [published / name for name in json.loads((published / "latest.json").read_text())["files"]]
    rows = pd.concat(pd.read_parquet(file, columns=["channel", "identifier", "scope", "except_scopes"]) for file in files)
    parts = scope.split("/")
    nodes = {"*"} | {"/".join(parts[: number + 1]) for number in range(len(parts))} if scope != "*" else {"*"}
    rows = rows[(rows["channel"] == channel) & rows["scope"].isin(nodes)]
    excepted = rows["except_scopes"].map(lambda found: found is not None and not nodes.isdisjoint(found)).astype(bool)
    return set(rows.loc[~excepted, "identifier"])
"""
_SPARK = """
import json
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def may_not_be_contacted(spark: SparkSession, published: Path, channel: str, scope: str) -> DataFrame:
    files = [str(published / name) for name in json.loads((published / "latest.json").read_text())["files"]]
    parts = scope.split("/")
    nodes = ["*"] + ["/".join(parts[: number + 1]) for number in range(len(parts))] if scope != "*" else ["*"]
    excepted = F.coalesce(F.arrays_overlap("except_scopes", F.array(*map(F.lit, nodes))), F.lit(False))
    rows = spark.read.parquet(*files).where((F.col("channel") == channel) & F.col("scope").isin(nodes) & ~excepted)
    return rows.select("identifier").distinct()
"""


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
        "could not be verified against the vendor says so there. [Excel workbooks](../../workbooks.md) are read wherever",
        "delimited text is.",
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
