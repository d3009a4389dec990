"""The pages of a pack as people see them: nothing is cut at any width, and nothing is asked of a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.pack.making import Made
from tests.browser.test_pages import browser, pytestmark  # noqa: F401  the same browser, and the same reason to skip
from tests.evidence.houses import build_house
from tests.pack.conftest import made


@pytest.fixture(scope="module")
def about_a_person(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("person")
    return made(build_house(root / "home", people=120), root / "pack", persons=("canary21@example.com",), start=None, end=None)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_pack_is_read_at_any_width(written: Made, about_a_person: Made, browser, width: int, tmp_path: Path) -> None:  # noqa: F811
    for name, path in (
        ("the page", written.folder / "index.html"),
        ("the page about a person", about_a_person.folder / "index.html"),
        ("the letter", about_a_person.folder / "letter.html"),
    ):
        asked: list[str] = []
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(all => all.scrollWidth > all.clientWidth + 1).length"
        )
        assert cut == 0, f"{name} at {width}: a table is wider than its place"
        assert asked == [path.as_uri()], f"{name} asks for something else"
        if width == 1280:
            printed = page.pdf(format="A4")
            assert printed.startswith(b"%PDF") and len(printed) > 10_000, name
        page.close()
