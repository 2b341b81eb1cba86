from hermodr_devkit.backing import temporary

PREFIX = "hermodr_test"


def fresh_name() -> str:
    return temporary.fresh_name(PREFIX)
