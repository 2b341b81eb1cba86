from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.errors import Refused
from hermodr_api.http.cursors import cursor_at, name_of, page_of
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.engine.snapshots import Round, Snapshot

NAME = name_of("/v1/groups", [])


def snapshots() -> st.SearchStrategy[Snapshot]:
    running = st.lists(st.integers(1, 2**40), max_size=40, unique=True).map(sorted)
    return st.builds(
        lambda each, more: Snapshot(each[0] if each else more, (each[-1] if each else 0) + more, tuple(each)),
        running,
        st.integers(1, 2**40),
    )


@given(st.uuids(), snapshots(), st.none() | snapshots())
def test_a_cursor_comes_back(identifier: UUID, shown: Snapshot, seen: Snapshot | None) -> None:
    page = Page(10, identifier, round=Round(shown, seen))
    assert page_of(10, cursor_at(page, NAME), "created_at", NAME) == page


@given(st.uuids())
def test_newest_first_has_no_rounds(identifier: UUID) -> None:
    page = Page(10, identifier, newest_first=True)
    assert page_of(10, cursor_at(page, NAME), "-created_at", NAME) == page


SOME = Page(10, UUID(int=7), round=Round(Snapshot(1, 5, (1, 3))))


@given(st.text(max_size=32) | st.text(min_size=36, max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        page_of(10, text, "created_at", NAME)
    assert caught.value.flaws[0].loc == ("query", "cursor")


def test_a_cursor_belongs_to_its_order() -> None:
    cursor = cursor_at(SOME, NAME)
    with pytest.raises(Refused) as caught:
        page_of(10, cursor, "-created_at", NAME)
    assert "another order" in caught.value.flaws[0].msg


def test_a_cursor_belongs_to_its_list() -> None:
    cursor = cursor_at(SOME, NAME)
    for other in (name_of("/v1/recipients", []), name_of("/v1/groups", [("external_id", "x")])):
        with pytest.raises(Refused) as caught:
            page_of(10, cursor, "created_at", other)
        assert "another list" in caught.value.flaws[0].msg
