"""Fixtures for the tests of the importers."""

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(params=["America/New_York", "Asia/Tokyo", "UTC"])
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once in each of these time zones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()
