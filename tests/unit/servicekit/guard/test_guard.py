import asyncio
from ipaddress import ip_address
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.resolver
import httpcore
import pytest

from hermodr_servicekit.guard import names
from hermodr_servicekit.guard.addresses import Address, networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.network import GuardedNetwork
from hermodr_servicekit.guard.targets import Refused


class Names:
    """Answers in turn, the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self._answers = [tuple(ip_address(each) for each in answer.split()) for answer in answers]
        self.asked: list[str] = []

    async def __call__(self, name: str) -> tuple[Address, ...]:
        self.asked.append(name)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def code_of(url: str, *answers: str, allow: str = "") -> str | None:
    guard = Guard(networks(allow), Names(*(answers or ("8.8.8.8",))))
    try:
        await guard.check(url)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("url", "answer", "allow", "code"),
    [
        ("https://a.example/", "8.8.8.8", "", None),
        ("https://a.example/", "8.8.8.8 2606:4700::1", "", None),
        ("https://8.8.8.8/", "", "", None),
        ("http://a.example/", "8.8.8.8", "", "plain_http"),
        ("http://8.8.8.8/", "", "", "plain_http"),
        ("http://a.example/", "8.8.8.8", "10.0.0.0/8", "plain_http"),
        ("http://a.example/", "8.8.8.8", "0.0.0.0/0", None),
        ("https://a.example/", "10.0.0.1", "", "forbidden_address"),
        ("http://a.example/", "10.0.0.1", "", "forbidden_address"),
        ("http://a.example/", "10.0.0.1", "10.0.0.0/8", None),
        ("https://a.example/", "10.0.0.1", "10.0.0.0/8", None),
        ("https://a.example/", "10.0.0.1", "192.168.0.0/16", "forbidden_address"),
        ("https://a.example/", "8.8.8.8 10.0.0.1", "", "forbidden_address"),
        ("https://a.example/", "10.0.0.1 8.8.8.8", "", "forbidden_address"),
        ("https://a.example/", "8.8.8.8 ::1", "", "forbidden_address"),
        ("https://a.example/", "8.8.8.8 ::ffff:8.8.8.8", "", "forbidden_address"),
        ("https://a.example/", "10.0.0.1 10.0.0.2", "10.0.0.1/32", "forbidden_address"),
        ("http://a.example/", "10.0.0.1 8.8.8.8", "10.0.0.0/8", "plain_http"),
        ("https://169.254.169.254/latest/meta-data/", "", "", "forbidden_address"),
        ("https://[::ffff:a9fe:a9fe]/", "", "", "forbidden_address"),
        ("https://[fd00:ec2::254]/", "", "", "forbidden_address"),
        ("https://１２７.０.０.１/", "", "", "forbidden_address"),
        ("https://localhost/", "127.0.0.1 ::1", "", "forbidden_address"),
        ("http://localhost:8025/", "127.0.0.1 ::1", "127.0.0.0/8 ::1/128", None),
    ],
)
async def test_what_may_be_called(url: str, answer: str, allow: str, code: str | None) -> None:
    assert await code_of(url, answer, allow=allow) == code


class Below(httpcore.AsyncNetworkBackend):
    """Notes where it was to connect, and refuses at `dead` addresses."""

    def __init__(self, *dead: str) -> None:
        self.connected: list[tuple[str, int, float | None]] = []
        self._dead = dead

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: object, **__: object
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port, timeout))
        if host in self._dead:
            raise httpcore.ConnectError
        return httpcore.AsyncMockStream(
            [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]
        )


async def test_it_connects_to_the_vetted_address_and_to_no_other() -> None:
    below, asked = Below(), Names("8.8.8.8", "127.0.0.1")
    network = GuardedNetwork(Guard((), asked), plain=False, below=below)
    await network.connect_tcp("a.example", 443, 5.0)
    assert below.connected == [("8.8.8.8", 443, 5.0)]
    assert asked.asked == ["a.example"]


async def test_a_name_that_changes_after_it_was_stored_is_refused_when_called() -> None:
    below, asked = Below(), Names("8.8.8.8", "127.0.0.1")
    guard = Guard((), asked)
    await guard.check("https://a.example/")
    with pytest.raises(Refused) as refused:
        await GuardedNetwork(guard, plain=False, below=below).connect_tcp("a.example", 443)
    assert refused.value.code == "forbidden_address"
    assert below.connected == []


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    below = Below("8.8.8.8", "9.9.9.9")
    network = GuardedNetwork(Guard((), Names("8.8.8.8 9.9.9.9 1.1.1.1")), plain=False, below=below)
    await network.connect_tcp("a.example", 443, 6.0)
    assert below.connected == [("8.8.8.8", 443, 2.0), ("9.9.9.9", 443, 2.0), ("1.1.1.1", 443, 2.0)]


async def test_a_hundred_addresses_cost_no_more_time() -> None:
    many = " ".join(f"8.8.8.{n}" for n in range(1, 101))
    below = Below(*many.split())
    with pytest.raises(httpcore.ConnectError):
        await GuardedNetwork(Guard((), Names(many)), plain=False, below=below).connect_tcp(
            "a.example", 443, 4.0
        )
    assert [timeout for _, _, timeout in below.connected] == [1.0] * 4


async def test_a_pool_says_refused() -> None:
    network = GuardedNetwork(Guard((), Names("10.0.0.1")), plain=True, below=Below())
    async with httpcore.AsyncConnectionPool(network_backend=network) as pool:
        with pytest.raises(Refused):
            await pool.request("GET", "http://a.example/")
        with pytest.raises(Refused):
            await pool.request("GET", httpcore.URL(scheme=b"http", host=b"::1", port=80, target=b"/"))


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    file = tmp_path / "hosts"
    file.write_text(
        "# names\n10.1.1.1 app App.Internal # 10.9.9.9 other\nfd00::1\tapp\n\nnonsense app\n10.1.1.2\n"
    )
    return file


async def test_the_hosts_file_comes_first(hosts: Path) -> None:
    assert [str(each) for each in await names.resolve("app", hosts)] == ["10.1.1.1", "fd00::1"]
    assert [str(each) for each in await names.resolve("app.internal", hosts)] == ["10.1.1.1"]


@pytest.mark.parametrize("name", ["localhost", "x.localhost"])
async def test_localhost_is_this_machine_whatever_dns_says(name: str) -> None:
    assert [str(each) for each in await names.resolve(name, Path("/nowhere"))] == ["127.0.0.1", "::1"]


class Record:
    def __init__(self, address: str) -> None:
        self.address = address


@pytest.fixture
def dns_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str] | Exception]:
    answers: dict[str, list[str] | Exception] = {}

    async def answer(_name: str, kind: str, **_: object) -> list[Record]:
        found = answers[kind]
        if isinstance(found, Exception):
            raise found
        await asyncio.sleep(0)
        return [Record(each) for each in found]

    monkeypatch.setattr(dns.asyncresolver, "resolve", answer)
    return answers


GONE = dns.resolver.NXDOMAIN()  # type: ignore[no-untyped-call]
SILENT = dns.resolver.LifetimeTimeout(timeout=5.0, errors=[])  # type: ignore[no-untyped-call]
BROKEN = dns.exception.DNSException()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("four", "six", "found"),
    [
        (["8.8.8.8"], ["2606:4700::1"], ["8.8.8.8", "2606:4700::1"]),
        (["8.8.8.8"], GONE, ["8.8.8.8"]),
        (GONE, ["::1"], ["::1"]),
        (["8.8.8.8"], SILENT, ["8.8.8.8"]),
        (GONE, GONE, "unknown_host"),
        (GONE, SILENT, "unresolvable"),
        (SILENT, SILENT, "unresolvable"),
        (BROKEN, OSError(), "unresolvable"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
async def test_answers_of_dns(
    dns_of: dict[str, list[str] | Exception],
    four: list[str] | Exception,
    six: list[str] | Exception,
    found: list[str] | str,
) -> None:
    dns_of.update({"A": four, "AAAA": six})
    if isinstance(found, str):
        with pytest.raises(Refused) as refused:
            await names.resolve("a.example", Path("/nowhere"))
        assert refused.value.code == found
    else:
        assert [str(each) for each in await names.resolve("a.example", Path("/nowhere"))] == found
