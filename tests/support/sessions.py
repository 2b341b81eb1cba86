"""Names for what a test session makes on a server, from which a later session can tell that it is a dead one's."""

from hermodr_devkit.backing import temporary

PREFIX = "hermodr_test"


def fresh_name() -> str:
    return temporary.fresh_name(PREFIX)
