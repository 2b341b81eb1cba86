from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import document, page, report
from tests.benchmarks.circumstances import Circumstances
from tests.benchmarks.results import Bulk, Result

LABELS = {"hermodr": "Hermodr", "celery_pg": "Celery <+ row>"}
OURS = Bulk(
    1000, 0.25, {"api": 0.1, "email-sender": 0.2, "database": 0.1, "sink": 0.05}, 0.5,
    {"api": 90.0, "email-sender": 70.0, "database": 100.0, "sink": 10.0}, 1.0,
)  # fmt: skip
THEIRS = Bulk(
    500,
    1.0,
    {"worker": 1.0, "redis": 0.1, "sink": 0.05},
    1.2,
    {"worker": 60.0, "redis": 5.0, "sink": 9.0},
    2.0,
)
RUNS = {"hermodr": [OURS], "celery_pg": [THEIRS]}
OTHER = Result("posts", "requests_per_second", "1/s", 6385.4, {"celery_pg": 3474}, 1.7, "≥ 3,000")
RATE = Result("bulk", "mails_per_second", "1/s", 4000.0, {"celery_pg": 500}, 1.0, "≥ 9 × celery_pg")
RUN = Circumstances("make bench QUICK=1", "2026-11-27", "abc1234", "2 cores (<x>), 8 GB", "PostgreSQL 18.1")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.044, "0.04"), (2.873, "2.87"), (19.24, "19.2"), (538.2, "538"), (12_345.6, "12,346")],
)
def test_numbers_have_the_digits_that_matter(value: float, text: str) -> None:
    assert report.number(value) == text


def test_a_line_of_the_bulk_table_compares_rates_and_processor_time() -> None:
    head, (ours, theirs) = report.bulk_rows(RUNS, LABELS)
    of = dict(zip(head, theirs, strict=True))
    assert of["mails/s"] == "500"
    assert of["ratio"] == "8.0 ×"
    assert of["own CPU"] == "2.00"
    assert of["redis"] == "0.20"
    assert of["database"] == "–"
    assert of["CPU ratio"] == "5.5 ×"
    assert of["own MB"] == "60"
    mine = dict(zip(head, ours, strict=True))
    assert (mine["ratio"], mine["CPU ratio"], mine["own CPU"], mine["own MB"]) == (
        "1.0 ×",
        "1.0 ×",
        "0.30",
        "160",
    )


def test_a_ratio_is_that_of_the_same_round() -> None:
    slow, fast = replace(OURS, seconds=0.5), replace(THEIRS, seconds=0.5)
    head, (_, theirs) = report.bulk_rows(
        {"hermodr": [OURS, slow, slow], "peer": [fast, THEIRS, fast]}, LABELS
    )
    of = dict(zip(head, theirs, strict=True))
    assert (of["ratio"], of["rounds"]) == ("4.0 ×", "2.0–4.0"), (
        "the median rates are 2,000 and 1,000 a second"
    )


def test_roles_are_told_in_microseconds_a_mail() -> None:
    _, rows = report.role_rows(OURS)
    assert ["email-sender", "200", "70"] in rows
    handing_in = replace(OURS, roles={"producer": 0.01, **OURS.roles})
    _, (producer, *_) = report.role_rows(handing_in)
    assert producer == ["producer", "10", "–"], "the harness itself, whose memory is its own"


def test_each_peer_has_a_line_beside_ours() -> None:
    latency = Result("sent", "p50", "ms", 20.0, {"celery_pg": 10.0, "bullmq": 40.0}, 1.0, "< 25")
    head, rows = report.result_rows([latency, OTHER], {"celery_pg": "Celery", "bullmq": "BullMQ"})
    assert all(len(row) == len(head) for row in rows)
    assert rows == [
        ["sent", "p50", "ms", "20.0", "< 25", "✓", "Celery", "10.0", "0.50 ×", "1.0"],
        ["", "", "", "", "", "", "BullMQ", "40.0", "2.00 ×", ""],
        [
            "posts",
            "requests_per_second",
            "1/s",
            "6,385",
            "≥ 3,000",
            "✓",
            "Celery",
            "3,474",
            "1.84 ×",
            "1.7",
        ],
    ]


def test_the_document_says_how_fast_the_machine_is_if_that_was_measured() -> None:
    bare = Result("posts", "requests_per_second", "1/s", 2000.0, {"bare_fastapi": 1224.33})
    assert "takes 3.0 × as long" in document.text({}, [bare], {}, LABELS, 1, RUN)
    assert "× as long" not in document.text({}, [OTHER], {}, LABELS, 1, RUN)


def test_markdown_is_a_table() -> None:
    assert report.markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_the_page_shows_every_number_and_escapes_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    page.write(path, RUNS, [OTHER], LABELS, RUN)
    html = path.read_text(encoding="utf-8")
    assert "Celery &lt;+ row&gt;" in html
    assert "<+ row>" not in html
    assert html.count("class=ours") == 2
    assert "6,385" in html
    assert "http" not in html, "nothing from elsewhere"


def test_a_page_without_bulk_runs_is_a_page(tmp_path: Path) -> None:
    page.write(tmp_path / "report.html", {}, [OTHER], LABELS, RUN)
    assert "Bulk" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_document_names_machine_command_rounds_and_what_was_left_out() -> None:
    text = document.text(RUNS, [RATE, OTHER], {"celery_pg": "needs a licence"}, LABELS, 3, RUN)
    assert "`make bench QUICK=1`, on 2026-11-27, commit abc1234" in text
    assert "Target: ≥ 9 × Celery <+ row>. Missed." in text
    assert "1 of 2 targets met; missed: bulk mails_per_second 4,000 (wanted ≥ 9 × Celery <+ row>)." in text
    assert " cores (" in text
    assert "median rate of 3 rounds, so" in text
    assert "| Celery <+ row> | 500 | 500 | 8.0 × | 8.0–8.0 |" in text
    assert "Left out: Celery <+ row>: needs a licence" in text
    assert "One round." in document.text(RUNS, [RATE], {}, LABELS, 1, RUN)
    assert "disturbed" not in document.text({"hermodr": [OURS]}, [RATE], {}, LABELS, 1, RUN)
