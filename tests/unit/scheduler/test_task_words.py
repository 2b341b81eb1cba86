"""What owners are told of the ends of their tasks."""

import pytest

from hermodr_contracts.vocabulary import JobState
from hermodr_scheduler.task_words import content, summary


@pytest.mark.parametrize(
    ("task", "result", "locale", "told"),
    [
        (
            "schema-rebuild",
            {"tables": 15, "columns": 80, "indexes": 9, "duration_ms": 158},
            "en",
            "15 tables",
        ),
        ("schema-rebuild", {"tables": 15}, "de-AT", "15 Tabellen"),
        ("data-export", {"file_url": "https://example.com", "row_count": 0}, None, "0 rows"),
        (
            "recipients-import",
            {"created": 4, "updated": 2, "rejected": 1, "file_name": "a"},
            "fr",
            "4 created, 2 updated, 1 rejected",
        ),
        ("schema-rebuild", {"skipped": True}, "en", None),
        ("schema-rebuild", {"tables": "many", "rejected": True}, "en", None),
        ("schema-rebuild", None, "en", None),
        ("somebody-elses", {"tables": 15}, "en", None),
    ],
)
def test_built_in_tasks_say_what_they_did(
    task: str, result: object, locale: str | None, told: str | None
) -> None:
    assert summary(task, result, locale) == told


def test_it_is_in_the_words() -> None:
    said = content("schema-rebuild", JobState.COMPLETED, None, "en", "15 tables")
    assert said["body_text"] == "The task schema-rebuild is done: 15 tables."
    assert content("mine", JobState.COMPLETED, None, "en")["body_text"] == "The task mine is done."
    assert (
        content("mine", JobState.FAILED, "boom", "de")["body_text"]
        == "Die Aufgabe mine ist gescheitert. (boom)"
    )
