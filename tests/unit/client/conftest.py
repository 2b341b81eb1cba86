"""Both clients: every test over a wire runs with each."""

import pytest

from tests.support.client import Either


@pytest.fixture(params=[False, True], ids=["blocking", "awaiting"])
def either(request: pytest.FixtureRequest) -> Either:
    return Either(request.param)
