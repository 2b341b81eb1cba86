import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from hermodr_servicekit.guard import names
from hermodr_servicekit.guard.addresses import Address, networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.network import connect
from hermodr_servicekit.guard.targets import Refused, Target
from tests.support.waiting import wait_until


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


class Here:
    """A server on 127.0.0.1 that counts who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.came = 0

    async def __aenter__(self) -> "Here":
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        writer.close()

    async def connect(self, asked: Names, allow: str = "127.0.0.0/8", seconds: float = 4.0) -> None:
        target = Target(True, "a.example", None, self.port, "/")
        wire = await connect(Guard(networks(allow), asked), target, TLS, seconds)
        await wire.aclose()


TLS = ssl.create_default_context()


async def test_it_connects_to_the_vetted_address_and_looks_up_once() -> None:
    asked = Names("127.0.0.1", "8.8.8.8")
    async with Here() as here:
        await here.connect(asked)
        await wait_until(lambda: here.came == 1)
    assert asked.asked == ["a.example"]


async def test_a_name_that_changes_after_it_was_stored_is_refused_when_called() -> None:
    asked = Names("8.8.8.8", "127.0.0.1")
    await Guard((), asked).check("https://a.example/")
    async with Here() as here:
        with pytest.raises(Refused) as refused:
            await here.connect(asked, allow="")
        assert refused.value.code == "forbidden_address"
        assert here.came == 0


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    async with Here() as here:
        await here.connect(Names("127.0.0.2 127.0.0.3 127.0.0.1"))
        await wait_until(lambda: here.came == 1)


async def test_a_hundred_addresses_are_not_all_tried() -> None:
    many = " ".join(f"127.0.0.{n}" for n in range(2, 102)) + " 127.0.0.1"
    async with Here() as here:
        with pytest.raises(OSError, match="failed"):
            await here.connect(Names(many))
        assert here.came == 0


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
