"""A sender believes itself paused until it knows better, and passes every change on."""

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.lane.pausing import PauseWatch


class Recording:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def pause(self) -> None:
        self.heard.append("pause")

    def resume(self) -> None:
        self.heard.append("resume")


async def test_pumps_follow_what_the_ledger_says() -> None:
    answers = [False, True, True, False]

    async def look() -> bool:
        return answers.pop(0)

    watch, pump = PauseWatch(Channel.EMAIL, look), Recording()
    watch.hold([pump])
    assert watch.paused
    for _ in range(4):
        await watch.tick()
    assert pump.heard == ["pause", "resume", "pause", "pause", "resume"]
    assert not watch.paused
