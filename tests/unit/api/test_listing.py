"""Cursors lead back to where they came from, and nothing else is one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.domain.listing import Order, cursor_after, page_of
from hermodr_api.errors import Refused


@given(st.uuids(), st.booleans())
def test_a_cursor_comes_back(identifier: UUID, newest_first: bool) -> None:
    order: Order = "-created_at" if newest_first else "created_at"
    page = page_of(10, None, order)
    assert page_of(10, cursor_after(identifier, page), order).after == identifier


@given(st.text(max_size=21) | st.text(min_size=24, max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        page_of(10, text, "created_at")
    assert caught.value.flaws[0].loc == ("query", "cursor")


def test_a_cursor_belongs_to_its_order() -> None:
    cursor = cursor_after(UUID(int=7), page_of(10, None, "created_at"))
    with pytest.raises(Refused) as caught:
        page_of(10, cursor, "-created_at")
    assert "another order" in caught.value.flaws[0].msg
