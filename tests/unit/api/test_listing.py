"""Cursors lead back to where they came from, and nothing else is one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.domain.listing import Order, cursor_after, name_of, page_of
from hermodr_api.errors import Refused

NAME = name_of("/v1/groups", [])


@given(st.uuids(), st.booleans())
def test_a_cursor_comes_back(identifier: UUID, newest_first: bool) -> None:
    order: Order = "-created_at" if newest_first else "created_at"
    page = page_of(10, None, order, NAME)
    assert page_of(10, cursor_after(identifier, page, NAME), order, NAME).after == identifier


@given(st.text(max_size=32) | st.text(min_size=36, max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        page_of(10, text, "created_at", NAME)
    assert caught.value.flaws[0].loc == ("query", "cursor")


def test_a_cursor_belongs_to_its_order() -> None:
    cursor = cursor_after(UUID(int=7), page_of(10, None, "created_at", NAME), NAME)
    with pytest.raises(Refused) as caught:
        page_of(10, cursor, "-created_at", NAME)
    assert "another order" in caught.value.flaws[0].msg


def test_a_cursor_belongs_to_its_list() -> None:
    cursor = cursor_after(UUID(int=7), page_of(10, None, "created_at", NAME), NAME)
    for other in (name_of("/v1/recipients", []), name_of("/v1/groups", [("external_id", "x")])):
        with pytest.raises(Refused) as caught:
            page_of(10, cursor, "created_at", other)
        assert "another list" in caught.value.flaws[0].msg
