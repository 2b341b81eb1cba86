"""What owners are told of the ends of their tasks, in their language, where the project has no template for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_contracts.built_in_tasks import DATA_EXPORT, RECIPIENTS_IMPORT, SCHEMA_REBUILD
from hermodr_contracts.locales import choose_locale
from hermodr_contracts.vocabulary import JobState


@dataclass(frozen=True, slots=True)
class _Words:
    """Subject and text by state; `{}` is the task's type."""

    subjects: Mapping[str, str]
    texts: Mapping[str, str]
    counts: Mapping[str, str]
    """Of results of built-in tasks, by member."""


_LANGUAGES = {
    "en": _Words(
        {
            JobState.COMPLETED: "Done: {}",
            JobState.FAILED: "Failed: {}",
            JobState.CANCELLED: "Cancelled: {}",
        },
        {
            JobState.COMPLETED: "The task {} is done.",
            JobState.FAILED: "The task {} has failed.",
            JobState.CANCELLED: "The task {} was cancelled.",
        },
        {
            "tables": "{} tables",
            "row_count": "{} rows",
            "created": "{} created",
            "updated": "{} updated",
            "rejected": "{} rejected",
        },
    ),
    "de": _Words(
        {
            JobState.COMPLETED: "Fertig: {}",
            JobState.FAILED: "Gescheitert: {}",
            JobState.CANCELLED: "Abgebrochen: {}",
        },
        {
            JobState.COMPLETED: "Die Aufgabe {} ist fertig.",
            JobState.FAILED: "Die Aufgabe {} ist gescheitert.",
            JobState.CANCELLED: "Die Aufgabe {} wurde abgebrochen.",
        },
        {
            "tables": "{} Tabellen",
            "row_count": "{} Zeilen",
            "created": "{} angelegt",
            "updated": "{} geändert",
            "rejected": "{} abgelehnt",
        },
    ),
}
TOLD = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


_COUNTING = frozenset({SCHEMA_REBUILD, DATA_EXPORT, RECIPIENTS_IMPORT})


def summary(task: str, result: object, locale: str | None) -> str | None:
    """What a built-in task has done, such as `15 tables`; `None`: its result does not say."""
    if task not in _COUNTING or not isinstance(result, Mapping):
        return None
    counts = _in(locale).counts
    found = [(words, result.get(name)) for name, words in counts.items()]
    told = [words.format(value) for words, value in found if type(value) is int]
    return ", ".join(told) or None


def _in(locale: str | None) -> _Words:
    return _LANGUAGES[choose_locale(locale, "en", tuple(_LANGUAGES))]


def content(
    task: str, state: str, error: str | None, locale: str | None, done: str | None = None
) -> dict[str, str | None]:
    """Of a notification about a task that ended in one of `TOLD`. `locale` is the owner's, `done` its `summary`."""
    words = _in(locale)
    text = words.texts[state].format(task)
    if state == JobState.COMPLETED and done is not None:
        text = f"{text.removesuffix('.')}: {done}."
    if state == JobState.FAILED and error is not None:
        text += f" ({error})"
    return {"subject": words.subjects[state].format(task), "body_text": text, "body_html": None}
