"""``make reference``: write the reference pages."""

from orchestration.cli import main
from orchestration.core.home import CHECKOUT
from orchestration.setup.pages import write

if __name__ == "__main__":
    for path in write(main):
        print(path.relative_to(CHECKOUT))
