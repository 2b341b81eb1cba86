"""Both clients: every test of what they do over a wire runs with each."""

import pytest

from tests.support.client import Either


@pytest.fixture(params=[False, True], ids=["blocking", "awaiting"])
def either(request: pytest.FixtureRequest) -> Either:
    """One client, then the other."""
    return Either(request.param)
