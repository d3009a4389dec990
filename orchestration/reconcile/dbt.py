"""Running dbt inside this process. The only module that imports dbt; what the models mean stands in ``dbt_project/``.

In-process because a child ``dbt`` costs 4-10 s of imports each time and asks a package index for versions; the
manifest is parsed once and reused, so a selection runs in about a second.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.core.config import Config, Limits
from orchestration.core.errors import QuietlistError
from orchestration.core.files import sha256_text
from orchestration.core.home import CHECKOUT, PRIVATE_FOLDER, Home
from orchestration.core.room import says_full
from orchestration.core.warehouse import shortage, spill_folder
from orchestration.destinations.contract import facts_of
from orchestration.readers.feeds import KINDS, all_feeds, models_of_kind, text_models

PROJECT = CHECKOUT / "dbt_project"
_MANIFEST_NAME = "manifest.json"
_PARSED_NAME = "partial_parse.msgpack"
_DIGEST_LETTERS = 16  # of the SHA-256 of what a manifest is made of: enough to tell the versions of one machine apart
_KEPT_MANIFESTS = 8  # 4 MB each; two checkouts, each with its last few versions, need no more
_VAR_OF_KIND = {
    "requests": "request_models",
    "contacts": "contact_models",
    "contacts_made": "contact_made_models",
    "registry": "registry_models",
}
_DUCKDB_ERROR = re.compile(r"\b([A-Z][A-Za-z]*(?: [A-Za-z]+)*?) Error:")
_PLACE = re.compile(r'"/[^"]+"')
# Kinds of errors that are known before any row is read, or that are about the machine.
_OF_THE_MODELS = ("Binder", "Catalog", "Parser", "IO", "Out of Memory", "Not implemented")
_lock = threading.RLock()  # dbt keeps its adapters in module state: one invocation at a time in a process


@dataclass(frozen=True)
class NodeResult:
    """One dbt node's outcome. ``message`` holds counts or an error text without row values."""

    unique_id: str
    status: str
    seconds: float
    failures: int | None
    message: str
    node: Any = field(default=None, repr=False, compare=False)
    """dbt's own node, as it was compiled."""

    @property
    def ok(self) -> bool:
        return self.status in ("success", "pass", "warn", "no-op", "skipped-unchanged")


class DbtFailed(QuietlistError):
    """A dbt node failed. Carries every node's result."""

    def __init__(self, selection: str, results: list[NodeResult], message: str, limits: Limits) -> None:
        self.results = results
        failed = [result for result in results if not result.ok and result.status != "skipped"]
        seen = "; ".join(f"{result.unique_id}: {result.message}" for result in failed)
        next_step = "fix the model or the data it names, then run again: no later step was started"
        # Where room is what is missing, the models that failed are no news.
        lack = shortage(f"{seen} {message}", limits)
        super().__init__(
            f"Running the models of '{selection}'",
            seen=lack[0] if lack else seen or message or "dbt stopped without naming a node",
            next_step=lack[1] if lack else next_step,
        )


def model_vars() -> dict[str, Any]:
    """The vars that come from the feeds' descriptions: the same at parsing and at running."""
    snapshots = sorted(feed.table for feed in all_feeds() if feed.snapshot)
    of_kinds = {_VAR_OF_KIND[kind]: models_of_kind(kind) for kind in KINDS}
    return {**of_kinds, "text_models": text_models(), "snapshot_feeds": snapshots}


def run_vars(config: Config, as_of: datetime) -> dict[str, Any]:
    """Everything the models may ask of this run: the clock and the company's settings."""
    return {
        **model_vars(),
        "as_of": as_of.isoformat(),
        "scopes": list(config.scope_tree) if config.company.scopes else [],
        "default_region": config.company.default_region or "",
        "target_hours": config.company.target_hours,
        "at_risk_hours": config.company.at_risk_hours,
        "shared_point_limit": config.company.shared_point_limit,
        "record_link_limit": config.company.record_link_limit,
        "first_days": [
            {
                "kind": live.kind,
                "name": live.name,
                # With a Z and microseconds, as the clock is never written: one is put in the place of the other in statements.
                "live_from": f"{live.since:%Y-%m-%dT%H:%M:%S.%fZ}" if live.since else "",
            }
            for live in config.first_days
        ],
        "destinations": [
            {
                "name": name,
                "system": entry.system,
                "channels": list(entry.channels),
                "scopes": list(entry.scopes),
                "identifier_types": sorted(facts_of(entry.system).identifier_types),
            }
            for name, entry in sorted(config.destinations.items())
        ],
    }


def _hash_of(*patterns: str) -> str:
    paths = sorted(path for pattern in patterns for path in PROJECT.glob(pattern) if path.is_file())
    return sha256_text("\n".join(f"{path.relative_to(PROJECT)}:{_hash_of_file(path, *_state(path))}" for path in paths))


def _state(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written or replaced."""
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


@functools.lru_cache(maxsize=4096)  # some 600 files, asked for by every step of a run
def _hash_of_file(path: Path, *_state: int) -> str:
    return sha256_text(path.read_text("utf-8"))


def _sources_hash() -> str:
    """Hash of everything the manifest is made of, so that a changed model is parsed again and nothing else is."""
    return _hash_of("models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*", "*.yml")


def policy_hash() -> str:
    """Hash of the policy seeds: laws, deadlines, calendars, lifting methods."""
    return _hash_of("seeds/**/*")


def models_hash() -> str:
    """Hash of what decides the meaning of a record: every model and macro, not their tests or descriptions."""
    return _hash_of("models/**/*.sql", "macros/**/*.sql")


def cache_folder() -> Path:
    """Where parsed manifests lie: ``QUIETLIST_CACHE``, else the user's cache folder. Nothing in it is needed twice."""
    chosen = os.environ.get("QUIETLIST_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(chosen or Path.home() / ".cache").expanduser() / "quietlist"


def manifest_folder() -> Path:
    """The folder of this project's parsed manifest, named by the hash of all that it is made of."""
    made_of = f"{PROJECT}\n{version('dbt-core')}\n{version('dbt-duckdb')}\n{_sources_hash()}"
    return cache_folder() / f"manifest-{sha256_text(made_of)[:_DIGEST_LETTERS]}"


def ensure_manifest() -> Path:
    """Parse the project if anything in it changed since the last time; returns the path of ``manifest.json``.

    A manifest is written aside and renamed as a whole, so that processes that start at once never read half of one.
    """
    with _lock:
        folder = manifest_folder()
        if not (folder / _MANIFEST_NAME).is_file():
            folder.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".parsing-", dir=folder.parent))
            try:
                _parse_into(aside)
                with suppress(OSError):  # another process was as quick, and wrote the same
                    aside.rename(folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            _forget_old_manifests(folder)
        return folder / _MANIFEST_NAME


def _parse_into(folder: Path) -> None:
    success, _, error = _invoke(
        ["parse", "--no-partial-parse"], model_vars(), folder / Home.at(folder).warehouse_file.name, None, None, target=folder
    )
    if not success:
        raise QuietlistError("Parsing the dbt project", seen=error, next_step="correct the file it names")


def _forget_old_manifests(current: Path) -> None:
    others = [path for path in current.parent.glob("manifest-*") if path != current]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_KEPT_MANIFESTS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


_loaded: dict[tuple[Path, frozenset[str]], Any] = {}
# One tag instead of their names: dbt compares each word of a selection with every node.
_UNCHECKED = "view_without_checks"


def _manifest(unused: Sequence[str] = ()) -> Any:
    """The manifest as dbt's own object, loaded once per process and version, without the staging models that a home has nothing
    to do with: dbt would weigh each of them and its tests in every invocation.

    From dbt's own cache of its parser, not from ``manifest.json``, which lacks the arguments of generic tests.
    """
    from dbt.contracts.graph.manifest import Manifest

    key = (ensure_manifest().parent, frozenset(unused))
    if key not in _loaded:
        manifest = Manifest.from_msgpack((key[0] / _PARSED_NAME).read_bytes())
        everything = {**manifest.nodes, **manifest.unit_tests}
        gone = _without_models({name: node.depends_on_nodes for name, node in everything.items()}, unused)
        for kind in (manifest.nodes, manifest.sources, manifest.unit_tests):
            for name in gone & kind.keys():
                del kind[name]
        for node in manifest.nodes.values():
            if gone.intersection(node.depends_on_nodes):
                node.depends_on.nodes = [name for name in node.depends_on.nodes if name not in gone]
        for node in _unchecked_views(manifest.nodes.values()):
            node.tags.append(_UNCHECKED)
        manifest.build_flat_graph()
        _loaded.clear()
        _loaded[key] = manifest
    return _loaded[key]


def manifest_without(unused: Sequence[str]) -> dict[str, Any]:
    """``manifest.json`` without these staging models, their raw tables and their tests, and without what depended on them."""
    manifest: dict[str, Any] = json.loads(ensure_manifest().read_text(encoding="utf-8"))
    everything = {**manifest["nodes"], **manifest["unit_tests"]}
    gone = _without_models({name: node.get("depends_on", {}).get("nodes", []) for name, node in everything.items()}, unused)
    for kind in ("nodes", "sources", "unit_tests", "parent_map", "child_map"):
        manifest[kind] = {name: item for name, item in manifest[kind].items() if name not in gone}
    for kind in ("parent_map", "child_map"):
        manifest[kind] = {name: [other for other in others if other not in gone] for name, others in manifest[kind].items()}
    for node in manifest["nodes"].values():
        if "nodes" in node.get("depends_on", {}):
            node["depends_on"]["nodes"] = [name for name in node["depends_on"]["nodes"] if name not in gone]
    return manifest


def _without_models(depends_on: Mapping[str, Sequence[str]], unused: Sequence[str]) -> frozenset[str]:
    """The ids of these models, of the sources that nothing else reads, and of the tests about any of them."""
    kind_of = {name: name.partition(".")[0] for name in depends_on}
    models = {name for name, kind in kind_of.items() if kind == "model" and name.rpartition(".")[2] in set(unused)}
    read = {parent for name in models for parent in depends_on[name] if parent.startswith("source.")}
    kept = {parent for name, kind in kind_of.items() if kind == "model" and name not in models for parent in depends_on[name]}
    gone = models | (read - kept)
    tests = {name for name, kind in kind_of.items() if kind in ("test", "unit_test") and gone.intersection(depends_on[name])}
    return frozenset(gone | tests)


def manifest_nodes() -> dict[str, Any]:
    """The nodes of the parsed manifest by unique id, as ``manifest.json`` has them."""
    return dict(json.loads(ensure_manifest().read_text(encoding="utf-8"))["nodes"])


def invoke(
    home: Home,
    config: Config,
    as_of: datetime,
    command: str,
    selection: str,
    *,
    full_refresh: bool = False,
    views: bool = True,
    unused: Sequence[str] = (),
) -> list[NodeResult]:
    """Run one dbt command (``build``, ``run``, ``seed``, ``test``) for a selection on the home's warehouse.

    Args:
        views: False leaves views as they stand, which are half of the models; but those that a check is about are built, so that
            the check runs on the rows they show now.
        unused: staging models that the home has nothing to do with: neither built nor named by a union.

    Raises:
        DbtFailed: a node failed; tests of severity ``warn`` do not.
    """
    home.create()
    with _lock:
        arguments = [command, "--select", *selection.split()]
        if command == "build":
            # Unit tests prove the models once per change, in the test suite, not at every run.
            arguments += ["--exclude-resource-type", "unit_test", "seed"]
        if not views:
            arguments += ["--exclude", f"tag:{_UNCHECKED}"]
        if full_refresh:
            arguments.append("--full-refresh")
        variables = {**run_vars(config, as_of), "unused_models": list(unused)}
        success, results, error = _invoke(arguments, variables, home.warehouse_file, home, config, unused=unused)
    if not success:
        raise DbtFailed(selection, results, error, config.limits)
    return results


def _unchecked_views(nodes: Collection[Any]) -> list[Any]:
    """The views that no check is about. To leave a view out would leave its checks out too."""
    checked = {parent for node in nodes if node.resource_type == "test" for parent in node.depends_on.nodes}
    return [
        node
        for node in nodes
        if node.resource_type == "model" and node.config.materialized == "view" and node.unique_id not in checked
    ]


def compiled(aside: Home, config: Config, as_of: datetime, selection: str) -> list[NodeResult]:
    """The statements of these models, seeds and checks as a full refresh would carry them out. Nothing is: ``aside`` is
    an empty home, whose database has a warehouse's name.

    Raises:
        DbtFailed: a statement cannot be written down.
    """
    aside.create()
    with _lock:
        ensure_manifest()
        arguments = ["compile", "--select", *selection.split(), "--full-refresh"]
        success, results, error = _invoke(arguments, run_vars(config, as_of), aside.warehouse_file, aside, config)
    if not success:
        raise DbtFailed(selection, results, error, config.limits)
    return results


def build_seeds(home: Home, config: Config, as_of: datetime, warehouse: Path) -> list[NodeResult]:
    """Load every policy seed into a database of its own and run the checks of the seeds on it. Raises nothing for what fails:
    the results say it. ``warehouse`` has the name of a home's warehouse, which the compiled checks name.
    """
    with _lock:
        ensure_manifest()
        # Cautious: a check that also looks at a model belongs to that model's step.
        arguments = ["build", "--select", "resource_type:seed", "--indirect-selection", "cautious", "--full-refresh"]
        success, results, error = _invoke(arguments, run_vars(config, as_of), warehouse, home, config)
    if not success and not any(not result.ok for result in results):
        raise DbtFailed("resource_type:seed", results, error, config.limits)
    return results


def _invoke(
    arguments: list[str],
    variables: dict[str, Any],
    warehouse: Path,
    home: Home | None,
    config: Config | None,
    *,
    target: Path | None = None,
    unused: Sequence[str] = (),
) -> tuple[bool, list[NodeResult], str]:
    from dbt.cli.main import dbtRunner

    environment = {"QUIETLIST_WAREHOUSE": str(warehouse), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    flags = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet", "--vars", json.dumps(variables)]
    # Only the schemas that the selection writes to are listed: a step looks at the relations of its own.
    flags.append("--cache-selected-only")
    # dbt's own log repeats compiled SQL and, on errors, row values: it is switched off, results carry what matters.
    flags += ["--log-level", "none", "--log-level-file", "none"]
    if target is not None:
        flags += ["--target-path", str(target), "--log-path", str(target)]
    else:
        assert home is not None and config is not None
        limits = config.limits
        environment |= {"QUIETLIST_MEMORY": limits.memory, "QUIETLIST_SPILL": str(spill_folder(home, limits))}
        environment["QUIETLIST_SPILL_LIMIT"] = limits.spill
        # Its log's folder is made although nothing is logged, by default in the project, which may not be ours to write to.
        target = home.warehouse_folder / "dbt_target"
        flags += ["--target-path", str(target), "--log-path", str(target), "--no-write-json"]
    with _environment(environment), _released():
        runner = dbtRunner() if home is None else dbtRunner(manifest=_manifest(unused))
        outcome = runner.invoke([*arguments, *flags])
        results = [_node_result(item) for item in getattr(outcome.result, "results", None) or []]
        return bool(outcome.success), results, _without_values(str(outcome.exception or ""))


def _node_result(item: Any) -> NodeResult:
    return NodeResult(
        unique_id=item.node.unique_id,
        status=str(item.status),
        seconds=round(item.execution_time, 3),
        failures=item.failures,
        # A seed is the company's own file and holds nobody's data: the row that can't be loaded is to be seen.
        message=str(item.message or "") if item.node.resource_type == "seed" else _without_values(str(item.message or "")),
        node=item.node,
    )


def _without_values(message: str) -> str:
    """DuckDB quotes the value it could not convert or that broke a constraint: that is somebody's data. So of an error that
    arises from rows only the kind is kept; the text of one that arises from the models themselves is kept whole.
    """
    text = " ".join(message.split())
    if says_full(text):
        # Whatever kind of error it came as: a commit that failed, a database that shut itself. Of its text the place is kept.
        place = _PLACE.search(text)
        return f"IO Error: No space left on device {place[0] if place else ''}".strip()
    kind = _DUCKDB_ERROR.search(text)
    if kind and kind[1] not in _OF_THE_MODELS:
        text = f"{text[: kind.end()]} (its text is left out because it may quote a row)"
    return re.sub(r"\S*@\S+|\+?\d{7,}", "…", text)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextmanager
def _released() -> Iterator[None]:
    """Close dbt's connection afterwards: it would keep the file locked against the next plain connection."""
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.adapters.factory import reset_adapters

        DuckDBConnectionManager.close_all_connections()
        reset_adapters()


def main(arguments: list[str]) -> int:
    """Any dbt command with the vars the orchestration passes, for people who work on the models (``make dbt``)."""
    from dbt.cli.main import dbtRunner

    home = Home.at().create()
    with _environment({"QUIETLIST_WAREHOUSE": str(home.warehouse_file), "QUIETLIST_SPILL": str(home.spill_folder)}):
        flags = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--vars", json.dumps(model_vars())]
        return 0 if dbtRunner().invoke([*arguments, *flags]).success else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
