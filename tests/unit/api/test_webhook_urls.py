"""Recipients' own URLs, many at once: each host is looked up once, and not too many of them."""

import asyncio
from collections import Counter
from ipaddress import ip_address
from typing import Any

from hermodr_api.recipients.webhook_urls import MOST_HOSTS, WebhookUrls
from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Refused


class Names:
    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.at_once = self.most = 0

    async def __call__(self, name: str) -> tuple[Address, ...]:
        self.asked[name] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if name == "nowhere.example.com":
            raise Refused("unknown_host", "the host does not exist")
        inside = name.startswith("inside")
        return (ip_address("10.0.0.1" if inside else "93.184.216.34"),)


def urls_of(names: Names) -> WebhookUrls:
    nothing: Any = None
    return WebhookUrls(nothing, Guard(names=names), None)


async def test_ten_thousand_of_one_host_are_one_look_up() -> None:
    names = Names()
    urls = {number: f"https://hooks.example.com/{number}" for number in range(10_000)}
    urls[4] = "https://inside.example.com/4"
    urls[5] = "https://nowhere.example.com/5"
    urls[6] = "http://hooks.example.com/6"
    found = await urls_of(names).flaws(urls)
    assert {index: flaw.msg for index, flaw in found.items()} == {
        4: "the host is not on the public internet",
        5: "the host does not exist",
        6: "the URL does not begin with https://",
    }
    assert {flaw.loc for flaw in found.values()} == {("webhook_url",)}
    assert names.asked == {
        "hooks.example.com": 2,  # once for each scheme
        "inside.example.com": 1,
        "nowhere.example.com": 1,
    }


async def test_of_too_many_hosts_the_last_ones_are_refused_unasked() -> None:
    names = Names()
    urls = {number: f"https://h{number}.example.com/" for number in range(MOST_HOSTS + 2)}
    found = await urls_of(names).flaws(urls)
    assert sorted(found) == [MOST_HOSTS, MOST_HOSTS + 1]
    assert len(names.asked) == MOST_HOSTS
    assert names.most <= 20
