from tests.soak.slopes import Kind, Series, steepness

MEMORY = Kind("memory", "MB", absolute=5.0)


def series(values: list[float], every: float = 60.0) -> Series:
    return Series(MEMORY, "api", [(index * every, value) for index, value in enumerate(values)])


def test_what_grows_all_the_time_is_not_flat() -> None:
    slope = series([100 + minute * 0.2 for minute in range(61)]).slope()
    assert slope is not None
    assert round(slope.per_hour, 3) == 12.0
    assert not slope.flat


def test_what_grows_while_warming_up_and_then_stays_is_flat() -> None:
    slope = series([50 + min(minute, 20) * 3.0 for minute in range(61)]).slope()
    assert slope is not None
    assert slope.flat
    assert (slope.first, slope.last) == (50.0, 110.0)


def test_a_fault_in_between_weighs_nothing() -> None:
    values = [100.0] * 61
    values[40:46] = [900.0] * 6
    slope = series(values).slope()
    assert slope is not None
    assert slope.per_hour == 0.0
    assert slope.most == 900.0


def test_the_larger_allowance_counts() -> None:
    slope = series([1000 + minute * 0.7 for minute in range(61)]).slope()
    assert slope is not None
    assert slope.flat, "42 MB an hour of 1 GB are within a twentieth"


def test_falling_is_flat() -> None:
    slope = series([100 - minute * 0.5 for minute in range(61)]).slope()
    assert slope is not None
    assert slope.flat


def test_of_too_few_measurements_nothing_is_said() -> None:
    assert series([1.0] * 8).slope() is None
    assert series([]).slope() is None


def test_points_of_the_same_moment_have_no_slope() -> None:
    assert steepness([(1.0, 5.0), (1.0, 9.0)]) == 0.0
