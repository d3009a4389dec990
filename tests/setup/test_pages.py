"""The reference pages say what the code says today, and their example gives the answers of ``quietlist check``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.core.config import known_formats, known_systems, parse_config
from orchestration.core.home import Home
from orchestration.core.pointer import pointer_text
from orchestration.destinations.contract import settings_problems
from orchestration.setup.formats import all_formats, format_named, page_of
from tools import reference


def test_no_page_is_stale() -> None:
    wanted = {reference.FOLDER / path: text for path, text in reference.pages(cli.main).items()}
    stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    extra = [path.name for path in reference.FOLDER.rglob("*.md") if path not in wanted]
    assert (stale, extra) == ([], []), "run make reference and commit what it writes"


def test_writing_twice_changes_nothing_and_a_page_of_what_is_no_more_goes(tmp_path: Path) -> None:
    assert reference.write(cli.main, tmp_path)
    (tmp_path / "formats" / "gone.md").write_text("of a format that was removed")
    assert reference.write(cli.main, tmp_path) == [tmp_path / "formats" / "gone.md"]
    assert reference.write(cli.main, tmp_path) == []


def test_every_key_format_system_and_command_has_its_place() -> None:
    made = {path.as_posix(): text for path, text in reference.pages(cli.main).items()}
    assert all(f"formats/{name}.md" in made for name in known_formats())
    assert all(f"# {name}\n" in made[f"destinations/{name}.md"] for name in known_systems())
    assert all(f"## quietlist {name}" in made["commands.md"] for name in cli.main.commands)
    without = [line for line in made["configuration.md"].splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert without == [], "a key without a meaning: write it below the field"
    rows = [line for line in made["formats/README.md"].splitlines() if line.startswith("| [")]
    unfinished = [line for line in rows if not line.endswith((". |", ".) |"))]
    assert len(rows) == len(known_formats()) and unfinished == [], "what a format holds is a whole sentence"


@pytest.mark.parametrize("system", known_systems())
def test_the_example_of_a_destination_is_a_configuration_without_a_problem(system: str, tmp_path: Path) -> None:
    page = reference.pages(cli.main)[Path("destinations") / f"{system}.md"]
    block = page.split("```toml\n")[1].split("```")[0]
    home = Home.at(tmp_path)
    config = parse_config(f'[company]\nname = "Acme"\nscopes = ["acme/newsletter"]\n{block}', home.config_file)
    assert settings_problems(config, home) == []


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("brevo", "- One row in a call, 10 calls in a second."),
        ("mailgun", "- At most 999 rows in a call; rows are lifted one by one."),
        ("postmark", "- At most 50 rows in a call."),
    ],
)
def test_a_page_says_how_many_rows_a_call_really_holds(system: str, said: str) -> None:
    assert said in reference.pages(cli.main)[Path("destinations") / f"{system}.md"].splitlines()


@pytest.mark.parametrize("example", ["duckdb", "pandas", "spark"])
def test_the_examples_of_the_published_table_leave_out_a_row_that_excepts_the_node(tmp_path: Path, example: str) -> None:
    import duckdb

    version = tmp_path / "version=3"
    version.mkdir()
    duckdb.sql(
        """
        select * from (values
            ('email', 'all@example.com', '*', null),
            ('email', 'brand@example.com', 'acme', ['acme/newsletter']),
            ('email', 'list@example.com', 'acme/newsletter', []),
            ('email', 'other@example.com', 'outlet', []),
            ('voice', 'voice@example.com', '*', [])
        ) as rows (channel, identifier, scope, except_scopes)
        """
    ).write_parquet(str(version / "part-0.parquet"))
    manifest = {"files": [{"name": "part-0.parquet"}, {"name": "evidence/release.parquet"}]}
    (tmp_path / "latest.json").write_text(pointer_text(3, "0" * 64, manifest))
    spark = pytest.importorskip("pyspark.sql").SparkSession.builder.getOrCreate() if example == "spark" else None
    names: dict[str, object] = {}
    exec({"duckdb": reference._EXAMPLE, "pandas": reference._PANDAS, "spark": reference._SPARK}[example], names)
    ask = names["may_not_be_contacted"]
    assert callable(ask)

    def found(scope: str) -> set[str]:
        if example == "pandas":
            people = ask(tmp_path, "email", scope)
        elif example == "spark":
            people = {row.identifier for row in ask(spark, tmp_path, "email", scope).collect()}
        else:
            people = {name for (name,) in ask(tmp_path, "email", scope).fetchall()}
        return {name.partition("@")[0] for name in people}

    assert found("acme/newsletter") == {"all", "list"}
    assert found("acme/offers") == {"all", "brand"}
    assert found("acme") == {"all", "brand"}
    assert found("*") == {"all"}


@pytest.mark.parametrize("name", known_formats())
def test_each_format_says_what_it_holds_and_reads(name: str) -> None:
    found = format_named(name)
    page = page_of(found)
    for feed in found.feeds:
        assert f"## {feed.feed}\n" in page and feed.description, f"{name}, {feed.feed}: without a description"
        assert all(f"| `{column.name}` |" in page for column in feed.columns)


def test_the_command_lists_all_and_explains_one() -> None:
    listed = CliRunner().invoke(cli.main, ["formats"]).output
    assert all(found.name in listed for found in all_formats()) and "quietlist try" in listed
    assert "## opt_outs" in CliRunner().invoke(cli.main, ["formats", "twilio"]).output
    wrong = CliRunner().invoke(cli.main, ["formats", "twillio"])
    assert wrong.exit_code == 2 and "did you mean twilio" in wrong.output
    assert '"format": "twilio"' in CliRunner().invoke(cli.main, ["formats", "twilio", "--json"]).output
