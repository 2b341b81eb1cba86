from tests.benchmarks.profile import hottest

RAW = "main (a.py:1);send (b.py:10) 30\nmain (a.py:1);send (b.py:12) 50\nmain (a.py:2) 20\n"


def test_lines_of_one_function_are_one_and_callers_share_what_they_called() -> None:
    assert hottest(RAW) == [["send (b.py)", "80.0%", "80.0%"], ["main (a.py)", "20.0%", "100.0%"]]


def test_recursion_counts_once_below() -> None:
    assert hottest("f (a.py:1);f (a.py:2) 10") == [["f (a.py)", "100.0%", "100.0%"]]


def test_no_samples_are_no_lines() -> None:
    assert hottest("") == []
