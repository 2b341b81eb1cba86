"""The containers that all tests here share. They run by `make test-compose`, not with the rest: they need Docker, some
gigabytes and minutes."""

from collections.abc import Iterator

import pytest

from hermodr_devkit.backing import docker
from hermodr_devkit.backing.model import Unavailable
from tests.compose.site import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Built from this clone, started, healthy, with a key."""
    try:
        docker.compose()
        docker.check_daemon()
    except Unavailable as error:
        pytest.exit(f"make test-compose needs Docker and docker compose (2.x or 1.29): {error}", returncode=1)
    site = Site()
    try:
        site.compose("build")
        site.up()
        yield site
    finally:
        site.down()
