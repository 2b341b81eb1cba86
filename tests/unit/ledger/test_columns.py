import pytest

from hermodr_ledger.engine import columns


@pytest.mark.parametrize(
    ("column", "sent"),
    [
        ([None, None], []),
        ([], []),
        ([1, None], [1, None]),
        ([None, 1], [None, 1]),
        ([None, 0, None], [None, 0, None]),
        (["", ""], ["", ""]),
    ],
)
def test_only_columns_of_nothing_are_left_empty(column: list[object], sent: list[object]) -> None:
    ids: list[object] = list(range(len(column)))
    assert columns(ids, column) == [ids, sent]
