"""The homes that these tests look at."""

from tests.evidence.houses import empty_home, house, own_house  # noqa: F401
