"""In-app notifications: rendered here, beside the decisions of other jobs, and written with their own decision."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog
from prometheus_client import Counter

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_dispatcher.gate import Gate
from hermodr_dispatcher.traced import traced
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.inbox.delivering import Content, Worded, contents, deliver, in_app
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, owners
from hermodr_ledger.templates.kept import KeptTexts
from hermodr_ledger.templates.texts import CompiledTexts, compiled_texts
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.loop_watch import Step
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.checking import variables
from hermodr_templates.flaws import SourceFlawed
from hermodr_templates.rendering import Rendered, RenderingFailed

log = structlog.get_logger()

_STATEMENTS = 2
"""At a time, of one priority."""
_MOST_PASSING = 6
_MOST_SLOW = 1_000
"""Notifications that a cell renders or that wait for it; others stay queued, and the scheduler announces them."""
_TEXTS_KEPT = 1_000
_TOGETHER = 10
"""Rendered before others have their turn on the loop."""

_Key = tuple[UUID, int, str]
_Words = tuple[Decision, Worded]
_Texts = tuple[CompiledTexts, str]
"""And the names of the data that they read, as a JSON array."""


class Inbox:
    """Writes the notifications of decisions with an in-app delivery. Each priority has a line of its own."""

    def __init__(
        self,
        ledger: Ledger,
        announcer: Announcer,
        renderer: BoundedRenderer,
        clock: Clock,
        *,
        finished: Counter,
    ) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._renderer = renderer
        self._clock = clock
        self._finished = finished
        self._texts = KeptTexts(partial(_read, ledger), clock.monotonic)
        self._shown: dict[_Key, str] = {}
        self._slow: dict[UUID, asyncio.Task[None]] = {}
        self._gates = {each: Gate(partial(owners, ledger), most=_MOST_PASSING) for each in Priority}
        self._lines: dict[Priority, Coalescer[Sequence[Decision], None]] = {
            each: Coalescer(self._write_all, max_items=3, concurrency=_STATEMENTS) for each in Priority
        }

    async def write(self, priority: Priority, decisions: Sequence[Decision]) -> None:
        """Records the decisions; projects take turns. What takes long to render goes on after that. Raises
        `gate.Closed` once it ends, `LedgerUnavailable`, and what the ledger says to a row that it cannot take."""
        async with self._gates[priority].passing([each.job.id for each in decisions]):
            await self._lines[priority].submit(decisions)

    async def drain(self) -> None:
        """Returns when what is being written is written. What a cell was to render stays queued."""
        for gate in self._gates.values():
            gate.close()
        await asyncio.gather(*(line.drain() for line in self._lines.values()))
        slow = list(self._slow.values())
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)

    async def _write_all(self, packs: Sequence[Sequence[Decision]]) -> list[None]:
        decisions = [each for pack in packs for each in pack if each.job.id not in self._slow]
        found = await contents(self._ledger, decisions)
        worded: list[_Words] = []
        for nth, decision in enumerate(decisions):
            if nth % _TOGETHER == _TOGETHER - 1:
                await asyncio.sleep(0)
            delivery, content = in_app(decision), found.get(decision.job.id)
            if delivery is None or content is None:
                continue
            words = await self._at_once(decision, delivery, content)
            if words is None:
                self._slowly(decision, delivery, content)
            else:
                worded.append((decision, words))
        if worded:
            await self._record(worded)
        return [None] * len(packs)

    async def _record(self, worded: Sequence[_Words]) -> None:
        began = tracing.moment()
        done = await deliver(self._ledger, worded)
        traced((decision for decision, _ in worded), began)
        for (channel, priority), ids in done.lanes.items():
            self._announcer.deliveries(channel, priority, ids)
        for kind, state in done.ended:
            self._finished.labels(kind, state).inc()

    async def _at_once(self, decision: Decision, delivery: NewDelivery, content: Content) -> Worded | None:
        """`None`: the cell has to render it."""
        texts = await self._texts_of(delivery) if content.content is None else None
        with Step("job_id", decision.job.id):
            try:
                if content.content is not None:
                    rendered = self._renderer.as_given_at_once(*_given(content.content))
                elif texts is None:
                    return self._failed("template_missing", "the template was deleted")
                else:
                    rendered = self._renderer.render_at_once(texts[0], content.data)
            except RenderingFailed as failure:
                return self._failed(failure.code, failure.detail)
        return self._worded(rendered, texts) if rendered is not None else None

    def _slowly(self, decision: Decision, delivery: NewDelivery, content: Content) -> None:
        if len(self._slow) >= _MOST_SLOW:
            return
        job_id = decision.job.id
        task = asyncio.create_task(self._write_slowly(decision, delivery, content))
        self._slow[job_id] = task
        task.add_done_callback(lambda _: self._slow.pop(job_id, None))

    async def _write_slowly(self, decision: Decision, delivery: NewDelivery, content: Content) -> None:
        """Never raises. What fails for now stays queued, unless other channels of the job would wait for it."""
        project = decision.job.project_id
        texts = None
        try:
            try:
                if content.content is not None:
                    rendered = await self._renderer.as_given(*_given(content.content), project)
                elif (texts := await self._texts_of(delivery)) is not None:
                    rendered = await self._renderer.render_in_cell(texts[0], content.data, project)
                else:
                    return
                worded = self._worded(rendered, texts)
            except RenderingFailed as failure:
                if failure.passing and len(decision.open) == 1:
                    log.warning("in-app notification left for later", code=failure.code)
                    return
                worded = self._failed(failure.code, failure.detail)
            await self._record([(decision, worded)])
        except LedgerUnavailable as error:
            log.warning("jobs left for later", jobs=1, error=str(error))
        except Exception as error:  # noqa: BLE001 - it stays queued, and is decided upon again
            log.error(
                "in-app notification cannot be written",
                job_id=str(decision.job.id),
                error=type(error).__name__,
            )

    async def _texts_of(self, delivery: NewDelivery) -> _Texts | None:
        """Of a version, which never changes; `None` if the template was deleted."""
        if delivery.template_id is None or delivery.template_version is None or delivery.locale is None:
            return None
        key: _Key = (delivery.template_id, delivery.template_version, delivery.locale)
        found = await self._texts.of(key)
        if found is None:
            return None
        if (shown := self._shown.get(key)) is None:
            shown = await asyncio.to_thread(_shown_by, found)
            if len(self._shown) >= _TEXTS_KEPT:
                self._shown.clear()
            self._shown[key] = shown
        return found, shown

    def _worded(self, rendered: Rendered, texts: _Texts | None) -> Worded:
        shown = texts[1] if texts is not None else None
        title = " ".join(rendered.subject.split())
        return Worded(title, rendered.text.strip(), self._clock.now(), shown=shown)

    def _failed(self, code: str, detail: str) -> Worded:
        return Worded("", "", self._clock.now(), code, detail)


def _given(content: str) -> tuple[str | None, str | None, str | None]:
    given: Mapping[str, str | None] = json.loads(content)
    return given.get("subject"), given.get("body_text"), given.get("body_html")


async def _read(ledger: Ledger, key: _Key) -> CompiledTexts | None:
    template_id, version, locale = key
    return await compiled_texts(ledger, template_id, version, Channel.IN_APP, locale)


def _shown_by(texts: CompiledTexts) -> str:
    """What the user may see of the data: what the texts speak of, and nothing that is for other channels."""
    sources = (each for each in (texts.subject, texts.body_text, texts.body_html) if each is not None)
    try:
        return json.dumps(sorted(set[str]().union(*(variables(each) for each in sources))))
    except SourceFlawed:  # of a version of before it was checked as it is now; it cannot be rendered either
        return "[]"
