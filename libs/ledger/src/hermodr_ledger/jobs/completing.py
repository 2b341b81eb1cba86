"""What begins with what somebody is typing: the first few words that a list of jobs may be narrowed to."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import AnySelect, fetch
from hermodr_ledger.tables import groups, recipients, task_types, templates

MOST = 12
Word = Literal["type", "template", "task", "recipient", "group"]


async def beginning(
    statements: Statements, project_id: UUID, word: Word, typed: str
) -> list[tuple[str, str]]:
    """Up to `MOST` pairs of a word and what it is called, in order: names of templates, of task types, or (`type`) of
    both; external and user ids of recipients; external ids of groups."""
    rows = [
        row for each in _SOURCES[word] for row in await fetch(statements, _from(*each, project_id, typed))
    ]
    found = {row["word"]: row["called"] or "" for row in rows if row["word"].startswith(typed)}
    return sorted(found.items())[:MOST]


async def strange(statements: Statements, project_id: UUID, types: Iterable[str]) -> set[str]:
    """Which of them are no name of a template of the project, and no task type."""
    asked = sorted(set(types))
    known = [
        row["word"]
        for word, _, project in _SOURCES["type"]
        for row in await fetch(
            statements,
            sa.select(word.label("word")).where(
                word == sa.any_(sa.literal(asked, sa.ARRAY(sa.Text))),
                *([] if project is None else [project == project_id]),
            ),
        )
    ]
    return set(asked).difference(known)


def _from(word: Any, called: Any, project: Any, project_id: UUID, typed: str) -> AnySelect:
    """Read along the index of the word: after what was typed come the words that begin with it."""
    found = sa.select(word.label("word"), called.label("called")).where(word >= typed).order_by(word)
    return (found if project is None else found.where(project == project_id)).limit(MOST)


_NOTHING = sa.literal(None, sa.Text)
_TEMPLATE = (templates.c.name, _NOTHING, templates.c.project_id)
_TASK = (task_types.c.name, _NOTHING, None)
_SOURCES: Mapping[Word, tuple[tuple[Any, Any, Any], ...]] = {
    "type": (_TEMPLATE, _TASK),
    "template": (_TEMPLATE,),
    "task": (_TASK,),
    "recipient": (
        (recipients.c.external_id, recipients.c.name, recipients.c.project_id),
        (recipients.c.user_id, recipients.c.name, recipients.c.project_id),
    ),
    "group": ((groups.c.external_id, groups.c.name, groups.c.project_id),),
}
"""Of each: the column of the word, what it is called, and the project; `None`: it is everybody's."""
