"""Whatever is done to an inbox, by one or by several at once: what is listed and counted is what a model says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.inbox import changing, reading
from hermodr_ledger.inbox.reading import InboxSearch, Whose
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import new_project, opened

EVERYTHING = InboxSearch()
LATER = datetime(9999, 1, 1, tzinfo=UTC)
THERE = 4
"""Notifications in each inbox."""


@dataclass(frozen=True)
class Model:
    read: bool = False
    archived: bool = False
    snoozed: bool = False
    deleted: bool = False

    @property
    def listed(self) -> bool:
        return not (self.archived or self.snoozed or self.deleted)

    @property
    def counted(self) -> bool:
        return self.listed and not self.read


def after(model: Model, what: str) -> Model:
    if model.deleted:
        return model
    return {
        "read": replace(model, read=True),
        "unread": replace(model, read=False),
        "archive": model if model.archived else replace(model, archived=True, snoozed=False),
        "unarchive": replace(model, archived=False),
        "snooze": model if model.snoozed else Model(snoozed=True),
        "unsnooze": replace(model, snoozed=False),
        "over": replace(model, snoozed=False),
        "delete": replace(model, deleted=True),
        "read_all": replace(model, read=True) if model.listed else model,
    }[what]


SINGLE = ("read", "unread", "archive", "unarchive", "snooze", "unsnooze", "over", "delete")
STEPS = st.lists(
    st.tuples(st.integers(0, THERE - 1), st.sampled_from((*SINGLE, "read_all"))), min_size=1, max_size=25
)

WORKS = st.lists(st.lists(st.sampled_from(SINGLE), min_size=1, max_size=4), min_size=THERE, max_size=THERE)


class Inbox:
    def __init__(self, ledger: Ledger, whose: Whose, ids: Sequence[UUID]) -> None:
        self.ledger = ledger
        self.whose = whose
        self.ids = ids

    async def do(self, nth: int, what: str) -> None:
        id = self.ids[nth]
        if what == "over":  # time passes
            await self.ledger.fetch(
                "UPDATE hermodr.inbox SET snoozed_until = now() - interval '1 second'"
                " WHERE id = $1 AND snoozed_until IS NOT NULL",
                id,
            )
            return
        async with self.ledger.transaction() as transaction:
            match what:
                case "read_all":
                    await changing.read_all(transaction, self.whose, self.ids[-1])
                case "snooze":
                    await changing.snooze(transaction, self.whose, id, LATER)
                case "read" | "unread":
                    act = changing.mark_read if what == "read" else changing.mark_unread
                    await act(transaction, self.whose, id)
                case _:
                    await getattr(changing, what)(transaction, self.whose, id)

    async def listed(self, search: InboxSearch = EVERYTHING) -> set[UUID]:
        page = Page(50, newest_first=True)
        return {each.id for each in await reading.page(self.ledger, self.whose, search, page)}

    async def unread(self) -> int:
        return await reading.unread(self.ledger, self.whose)


async def new_inbox(ledger: Ledger) -> Inbox:
    whose = Whose(await new_project(ledger), "ada")
    ids = [new_id() for _ in range(THERE)]
    await ledger.fetch(
        "INSERT INTO hermodr.inbox (id, project_id, user_id, recipient_id, job_id, delivery_id, title, message, data)"
        " SELECT i, $2, 'ada', i, i, i, 'title', 'message', '{}' FROM unnest($1::uuid[]) i",
        ids,
        whose.project_id,
    )
    return Inbox(ledger, whose, ids)


ON_A_DATABASE = settings(
    max_examples=40,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@ON_A_DATABASE
@given(STEPS)
async def test_lists_and_counts_are_those_of_the_model(
    database_url: str, steps: list[tuple[int, str]]
) -> None:
    async with opened(database_url) as ledger:
        inbox = await new_inbox(ledger)
        models = [Model()] * THERE
        for nth, what in steps:
            await inbox.do(nth, what)
            each = range(THERE) if what == "read_all" else (nth,)
            models = [after(model, what) if n in each else model for n, model in enumerate(models)]
            assert await inbox.unread() == sum(model.counted for model in models)
            shown = {inbox.ids[n] for n, model in enumerate(models) if model.listed}
            assert await inbox.listed() == shown
        away = {inbox.ids[n] for n, model in enumerate(models) if model.snoozed and not model.deleted}
        assert await inbox.listed(InboxSearch(snoozed=True)) == away
        put_away = {inbox.ids[n] for n, model in enumerate(models) if model.archived and not model.deleted}
        assert await inbox.listed(InboxSearch(archived=True)) == put_away


@ON_A_DATABASE
@given(
    st.lists(st.lists(st.sampled_from(SINGLE), min_size=1, max_size=4), min_size=THERE, max_size=THERE),
    st.booleans(),
)
async def test_what_several_do_at_once_is_counted_as_it_ends(
    database_url: str, works: list[list[str]], all_read: bool
) -> None:
    """Each notification is worked on by one, all at the same time; somebody reads everything beside them."""
    async with opened(database_url) as ledger:
        inbox = await new_inbox(ledger)

        async def work(nth: int, steps: list[str]) -> None:
            for what in steps:
                await inbox.do(nth, what)

        reading_all = [inbox.do(0, "read_all")] if all_read else []
        await asyncio.gather(*(work(nth, steps) for nth, steps in enumerate(works)), *reading_all)
        unread = await inbox.listed(InboxSearch(read=False))
        possible = [outcomes(steps, all_read=all_read) for steps in works]
        for nth, ends in enumerate(possible):
            assert (inbox.ids[nth] in unread) in {end.counted for end in ends}
            assert (inbox.ids[nth] in await inbox.listed()) in {end.listed for end in ends}
        assert await inbox.unread() == len(unread)


def outcomes(steps: list[str], *, all_read: bool) -> set[Model]:
    """How it may end, if `read_all` comes at any moment."""
    places = range(len(steps) + 1) if all_read else [None]
    ends = set()
    for place in places:
        told = steps if place is None else [*steps[:place], "read_all", *steps[place:]]
        model = Model()
        for what in told:
            model = after(model, what)
        ends.add(model)
    return ends
