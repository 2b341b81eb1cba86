"""Who is rendered where, and what becomes of templates that want too much."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from hermodr_contracts.brands import Brand
from hermodr_templates.bounded import MOST_TOKENS, SUSPENDED_SECONDS, BoundedRenderer
from hermodr_templates.cell import CellLost, Message
from hermodr_templates.rendering import RenderingFailed
from hermodr_templates.workbench import Workbench
from tests.support.clocks import FakeClock

ONE, TWO = UUID(int=1), UUID(int=2)


@dataclass(frozen=True)
class Version:
    template_id: UUID = ONE
    version: int = 1
    locale: str = "en"
    subject: str | None = "Hello"
    body_text: str | None = "Hello\n"
    body_html: str | None = None
    brand: Brand | None = None


SLOW = Version(body_text="{% for i in range(9000) %}{{ i }}{% endfor %}")
HOSTILE = Version(
    template_id=TWO,
    body_text="{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
)


class Here:
    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.losses = 0
        self._bench = Workbench()

    async def ask(self, request: Message) -> Message:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.losses:
            self.losses -= 1
            raise CellLost("too long")
        answer: Message = json.loads(json.dumps(self._bench.answer(request)))
        return answer


@pytest.fixture
def cell() -> Here:
    return Here()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def renderer(cell: Here, clock: FakeClock) -> BoundedRenderer:
    return BoundedRenderer(cell, clock.monotonic)


async def failing(renderer: BoundedRenderer, version: Version, data: str = "{}") -> RenderingFailed:
    with pytest.raises(RenderingFailed) as caught:
        await renderer.render(version, data, ONE)
    return caught.value


async def test_the_usual_mail_asks_nobody(renderer: BoundedRenderer, cell: Here) -> None:
    usual = Version(subject="Hi {{ name }}", body_html="<p>{{ name }}</p>", body_text=None)
    rendered = await renderer.render(usual, '{"name": "<Ada>"}', ONE)
    assert (rendered.subject, rendered.text, rendered.html) == ("Hi <Ada>", "<Ada>\n", "<p>&lt;Ada&gt;</p>")
    assert (await failing(renderer, usual)).code == "render_missing_variable"
    assert not cell.asked


async def test_what_takes_long_is_finished_elsewhere(renderer: BoundedRenderer, cell: Here) -> None:
    expected = "".join(map(str, range(9000)))
    assert (await renderer.render(SLOW, "{}", ONE)).text == expected
    assert len(cell.asked) == 1


async def test_large_sources_data_and_html_are_not_touched_here(
    renderer: BoundedRenderer, cell: Here
) -> None:
    await renderer.render(Version(body_text="{{ 1 }}" * MOST_TOKENS), "{}", ONE)
    await renderer.render(Version(version=2), json.dumps({"x": "x" * 70_000}), ONE)
    rendered = await renderer.as_given("s", None, "<p>x</p>" * 10_000, ONE)
    assert rendered.text.startswith("x\n\nx")
    assert [request["do"] for request in cell.asked] == ["render", "render", "text"]
    assert (await renderer.as_given("s", None, "<p>x</p>", ONE)).text == "x\n"
    assert len(cell.asked) == 3


async def test_the_text_of_long_html_is_derived_elsewhere(renderer: BoundedRenderer, cell: Here) -> None:
    long = Version(body_text=None, body_html="<p>0, and so on</p>" * 1000)
    assert renderer.render_at_once(long, "{}") is None
    assert (await renderer.render_in_cell(long, "{}", ONE)).text.startswith("0, and so on\n\n0,")
    written = Version(template_id=TWO, body_html=long.body_html)
    assert renderer.render_at_once(written, "{}") is not None
    assert [request["do"] for request in cell.asked] == ["render"]


async def test_a_template_that_breaks_the_limits_again_and_again_rests(
    renderer: BoundedRenderer, cell: Here, clock: FakeClock
) -> None:
    first = [await failing(renderer, HOSTILE) for _ in range(3)]
    assert {(each.code, each.passing) for each in first} == {("render_limit", False)}
    assert len(cell.asked) == 3
    resting = await failing(renderer, replace(HOSTILE, version=2))
    assert (resting.code, resting.passing) == ("render_suspended", True)
    assert len(cell.asked) == 3
    await renderer.render(SLOW, "{}", ONE)
    clock.advance(SUSPENDED_SECONDS + 1)
    assert (await failing(renderer, HOSTILE)).code == "render_limit"
    assert (await failing(renderer, HOSTILE)).code == "render_suspended"


async def test_mails_that_wait_are_told_when_their_like_went_too_far(
    renderer: BoundedRenderer, cell: Here
) -> None:
    outcomes = await asyncio.gather(
        *(renderer.render(HOSTILE, "{}", ONE) for _ in range(20)), return_exceptions=True
    )
    codes = [each.code for each in outcomes if isinstance(each, RenderingFailed)]
    assert codes.count("render_limit") == 3
    assert codes.count("render_suspended") == 17
    assert len(cell.asked) == 3


async def test_one_mail_with_too_much_data_spoils_nothing(renderer: BoundedRenderer, cell: Here) -> None:
    version = Version(body_text="{% for a in range(n) %}{% for b in range(n) %}{% endfor %}{% endfor %}ok")
    for _ in range(4):
        assert (await failing(renderer, version, '{"n": 9999}')).code == "render_limit"
        for _ in range(3):
            assert (await renderer.render(version, '{"n": 2}', ONE)).text == "ok"


async def test_a_template_that_is_quick_again_comes_back(renderer: BoundedRenderer, cell: Here) -> None:
    version = Version(body_text="{% for a in range(n) %}{{ a }}{% endfor %}")
    for _ in range(4):
        await renderer.render(version, '{"n": 9000}', ONE)
    asked = len(cell.asked)
    await renderer.render(version, '{"n": 1}', ONE)
    assert len(cell.asked) == asked + 1
    await renderer.render(version, '{"n": 1}', ONE)
    assert len(cell.asked) == asked + 1


async def test_a_lost_process_is_a_broken_limit(renderer: BoundedRenderer, cell: Here) -> None:
    cell.losses = 1
    error = await failing(renderer, SLOW)
    assert (error.code, error.detail) == ("render_limit", "too long")
    assert (await renderer.render(SLOW, "{}", ONE)).text


async def test_a_mail_of_another_project_waits_for_one_at_most(renderer: BoundedRenderer, cell: Here) -> None:
    crowd = [
        asyncio.create_task(
            renderer.render(replace(SLOW, subject=f"one {n}", template_id=UUID(int=100 + n)), "{}", ONE)
        )
        for n in range(20)
    ]
    await asyncio.sleep(0)
    other = await renderer.as_given("s", None, "<p>x</p>" * 10_000, TWO)
    assert other.text
    assert len(cell.asked) <= 3
    await asyncio.gather(*crowd)
