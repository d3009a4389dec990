"""What people see, in a real browser: the compliance report, and Dagster's pages on the demo's definitions."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.core.home import CHECKOUT, Home
from orchestration.day import ORDER
from orchestration.defs.flow import group
from orchestration.run import prepare_instance
from tests.journeys.home import first_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"),
]
# No look-ups of its vendor's hosts, no sandbox where the tests run as root.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_run(tmp_path_factory.mktemp("browser") / "home")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def test_the_report_reads_well_and_asks_nothing_of_the_network(home: Path, browser) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    report = home / "reports" / "compliance.html"
    page.goto(report.as_uri())
    assert "Acme" in page.title() or "Acme" in page.locator("h1").first.inner_text()
    text = page.locator("body").inner_text()
    for word in ("crm_table", "mail_house", "asks", "verified"):
        assert word in text, f"the report says nothing of {word}"
    assert "example.com" not in text and "2025550123" not in text, "the report shows an identifier"
    assert page.locator("svg").count() > 0, "a picture says more"
    assert not [url for url in asked if not url.startswith(("file:", "data:"))], "the report is self-contained"
    assert not problems
    page.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_report_cuts_no_column_at_any_width(home: Path, browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((home / "reports" / "compliance.html").as_uri())
    boxes = "[document.documentElement, ...document.querySelectorAll('.scroll')]"
    assert page.evaluate(f"{boxes}.filter(e => e.scrollWidth > e.clientWidth + 1).length") == 0, (
        f"nothing scrolls sideways at {width} pixels"
    )
    heads = page.evaluate(
        "[...document.querySelectorAll('.scroll td[data-label]')].filter("
        "e => e.offsetParent && getComputedStyle(e, '::before').content.includes(e.dataset.label)).length"
    )
    assert (heads > 0) == (width < 640), "on a telephone each cell says which column it is of"
    page.close()


def _dbt(environment: dict[str, str], target: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "orchestration.reconcile.dbt", *arguments, "--quiet", "--target-path", str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_models_documentation_is_one_page_that_asks_nothing_of_the_network(
    home: Path, browser, tmp_path: Path, in_long_form: bool
) -> None:
    environment = {**os.environ, "QUIETLIST_HOME": str(home)}
    arguments = ["docs", "generate", "--static"]
    if not in_long_form:
        # The models as they are written, without the SQL that they become and the types of their columns.
        _dbt(environment, tmp_path, "parse")
        arguments += ["--no-compile", "--empty-catalog"]
    _dbt(environment, tmp_path, *arguments)
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "static_index.html").as_uri() + "#!/model/model.quietlist.golden_suppression")
    page.get_by_text("One row per channel, identifier and scope").first.wait_for(timeout=60_000)
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    page.close()


@pytest.mark.slow  # a server and its code location; tests/defs/test_definitions.py always says what there is to be shown
def test_dagster_shows_the_assets_and_their_checks(home: Path, browser) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "QUIETLIST_HOME": str(home), "DAGSTER_HOME": str(prepare_instance(Home.at(home)))}
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("dg")), "dev", "--use-active-venv", "-p", str(port), "-h", "127.0.0.1"],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A parent that ignores these would leave Dagster deaf to them, and the server could not be stopped.
        preexec_fn=lambda: (  # noqa: PLW1509 - no thread of this test is running yet
            [signal.signal(name, signal.SIG_DFL) for name in (signal.SIGINT, signal.SIGTERM)]
        ),
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info")
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"http://127.0.0.1:{port}/assets/golden/golden_suppression", wait_until="domcontentloaded")
        page.get_by_text("One row per channel, identifier and scope").first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{port}/assets/gates/exit?view=checks", wait_until="domcontentloaded")
        page.get_by_text("gate_exit").first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{port}/assets/destinations/mail_house?view=checks", wait_until="domcontentloaded")
        for check in ("nothing_missing", "nothing_held", "pushed_in_time"):
            page.get_by_text(check).first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{port}/asset-groups", wait_until="domcontentloaded")
        page.get_by_text("04_canonical").first.wait_for(timeout=60_000)
        shown = page.locator("svg, foreignObject").evaluate_all("all => all.map(node => node.textContent).join(' ')")
        missing = [name for name in map(group, ORDER) if name != group("stage") and name not in shown]
        assert not missing, f"the lineage page does not show {missing}"
        page.goto(f"http://127.0.0.1:{port}/jobs", wait_until="domcontentloaded")
        page.get_by_text("quietlist").first.wait_for(timeout=60_000)
        page.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def wait_for(url: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} did not answer within {seconds} seconds")
