from __future__ import annotations

from collections.abc import Callable

from hermodr_sandbox.domain.faults import (
    Action,
    Delay,
    FaultRule,
    FaultSpec,
    Moment,
    Provider,
    Refuse,
    Stage,
    Verdict,
)
from hermodr_sandbox.errors import FaultNotFound, TooManyFaults

MAX_RULES = 200
_NOTHING = Verdict()


class FaultBook:
    """Rules in the order they were added. Used-up and expired ones stay listed until removed or replaced. `tick`
    gives monotonic seconds, `draw` a random number in [0, 1)."""

    def __init__(self, tick: Callable[[], float], draw: Callable[[], float]) -> None:
        self._tick = tick
        self._draw = draw
        self._rules: dict[int, FaultRule] = {}
        self._by_stage: dict[Stage, list[FaultRule]] = {}
        self._last = 0
        self.fired_total = 0

    def add(self, spec: FaultSpec) -> FaultRule:
        """Replaces the oldest inactive rule at `MAX_RULES`; TooManyFaults if all are active."""
        tick = self._tick()
        if len(self._rules) >= MAX_RULES:
            spent = next((rule for rule in self._rules.values() if not rule.active(tick)), None)
            if spent is None:
                raise TooManyFaults(f"{MAX_RULES} rules are active; remove some first")
            del self._rules[spent.number]
        self._last += 1
        expires_at = None if spec.expires_in is None else tick + spec.expires_in
        rule = self._rules[self._last] = FaultRule(self._last, spec, expires_at)
        self._index()
        return rule

    def _index(self) -> None:
        self._by_stage = {}
        for rule in self._rules.values():
            if not isinstance(rule.spec.action, Refuse):
                self._by_stage.setdefault(rule.spec.stage, []).append(rule)

    def rules(self) -> list[FaultRule]:
        return list(self._rules.values())

    def get(self, number: int) -> FaultRule:
        rule = self._rules.get(number)
        if rule is None:
            raise FaultNotFound(f"there is no fault rule {number}")
        return rule

    def remove(self, number: int) -> None:
        self.get(number)
        del self._rules[number]
        self._index()

    def clear(self) -> int:
        """Returns how many there were."""
        count = len(self._rules)
        self._rules.clear()
        self._index()
        return count

    def active(self, rule: FaultRule) -> bool:
        return rule.active(self._tick())

    def expires_within(self, rule: FaultRule) -> float | None:
        """Seconds until the rule expires (not below 0); None when it never does."""
        return None if rule.expires_at is None else max(0.0, rule.expires_at - self._tick())

    def judge(self, moment: Moment) -> Verdict:
        """Delays add up; of other actions the first that fires wins."""
        rules = self._by_stage.get(moment.stage)
        if rules is None:
            return _NOTHING
        tick = self._tick()
        delay = 0.0
        action: Action | None = None
        for rule in rules:
            if not rule.active(tick) or not rule.fires(moment, tick, self._draw()):
                continue
            self.count_fired(rule)
            if isinstance(rule.spec.action, Delay):
                delay += rule.spec.action.seconds
            else:
                action = rule.spec.action
                break
        return Verdict(delay, action) if delay or action else _NOTHING

    def count_fired(self, rule: FaultRule) -> None:
        rule.fired += 1
        self.fired_total += 1

    def watches(self, stage: Stage) -> bool:
        """Whether a rule is listed for the stage: without one the session builds no `Moment`."""
        return stage in self._by_stage

    def refusals(self, provider: Provider = "smtp") -> list[FaultRule]:
        """Active rules that keep the provider's door closed."""
        tick = self._tick()
        return [
            rule
            for rule in self._rules.values()
            if isinstance(rule.spec.action, Refuse)
            and rule.spec.provider in (None, provider)
            and rule.active(tick)
        ]
