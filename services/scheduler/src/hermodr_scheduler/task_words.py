"""What owners are told of the ends of their tasks, in their language, where the project has no template for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_contracts.locales import choose_locale
from hermodr_contracts.vocabulary import JobState


@dataclass(frozen=True, slots=True)
class _Words:
    """Subject and text by state; `{}` is the task's type."""

    subjects: Mapping[str, str]
    texts: Mapping[str, str]


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
    ),
}
TOLD = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


def content(task: str, state: str, error: str | None, locale: str | None) -> dict[str, str | None]:
    """Of a notification about a task that ended in one of `TOLD`. `locale` is the owner's."""
    words = _LANGUAGES[choose_locale(locale, "en", tuple(_LANGUAGES))]
    text = words.texts[state].format(task)
    if state == JobState.FAILED and error is not None:
        text += f" ({error})"
    return {"subject": words.subjects[state].format(task), "body_text": text, "body_html": None}
