import os

from hermodr_devkit.backing import temporary


def test_our_own_names_are_alive_and_all_different() -> None:
    first, second = temporary.fresh_name("demo"), temporary.fresh_name("demo")
    assert first != second
    assert temporary.maker(first, "demo") == os.getpid()
    assert not temporary.is_dead(first, "demo")


def test_a_name_of_a_process_that_is_gone_is_dead() -> None:
    nobody = 2**22 + 1  # beyond the largest process number Linux gives
    assert temporary.is_dead(f"demo_{temporary.machine()}_{nobody}_0123abcd", "demo")


def test_other_peoples_names_are_never_dead() -> None:
    for name in (
        "hermodr",
        "demo",
        "demo_ffffff_1_0123abcd",
        f"other_{temporary.machine()}_4194305_0123abcd",
    ):
        assert not temporary.is_dead(name, "demo")
