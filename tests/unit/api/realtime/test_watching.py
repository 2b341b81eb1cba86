"""Pages that follow a project: who is told, and how many there may be."""

from uuid import uuid4

import pytest

from hermodr_api.errors import RATE_LIMITED, Refused
from hermodr_api.realtime import watching as watching_module
from hermodr_api.realtime.watching import MOST_OF_A_SESSION, Watching

SHOP, OTHER = uuid4(), uuid4()


def test_only_those_of_the_project_are_stirred() -> None:
    watching = Watching()
    ours, theirs = watching.begin(SHOP, "a"), watching.begin(OTHER, "b")
    watching.stir(SHOP)
    watching.stir(uuid4())
    assert (ours.stirred.is_set(), theirs.stirred.is_set()) == (True, False)
    watching.stir_all()
    assert theirs.stirred.is_set()


def test_a_session_has_so_many_places_and_gets_them_back() -> None:
    watching = Watching()
    held = [watching.begin(SHOP, "a") for _ in range(MOST_OF_A_SESSION)]
    with pytest.raises(Refused) as refused:
        watching.begin(SHOP, "a")
    assert refused.value.kind is RATE_LIMITED
    watching.begin(SHOP, "b")
    watching.leave(held[0])
    assert not watching.begin(SHOP, "a").over


def test_a_process_has_so_many_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "MOST_WATCHES", 2)
    watching = Watching()
    for session in ("a", "b"):
        watching.begin(SHOP, session)
    with pytest.raises(Refused):
        watching.begin(SHOP, "c")


def test_those_who_left_are_forgotten() -> None:
    watching = Watching()
    watch = watching.begin(SHOP, "a")
    watching.leave(watch)
    watching.stir(SHOP)
    watching.close()
    assert (watch.stirred.is_set(), watch.over) == (False, False)


def test_all_end_when_the_process_does_and_none_begins_after() -> None:
    watching = Watching()
    before = watching.begin(SHOP, "a")
    watching.close()
    after = watching.begin(SHOP, "a")
    assert before.over
    assert after.over
    assert before.stirred.is_set()
