"""What doctor says about DNS. The resolver itself is asked at a server of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from hermodr_cli.doctor.dns_records import examine
from hermodr_cli.doctor.finding import Finding, State
from hermodr_servicekit import dns_texts
from hermodr_servicekit.dns_texts import NoDns

RECORD = "v=DKIM1; k=rsa; p=MIIBabc"
GOOD: Mapping[str, list[str]] = {
    "shop.example.com": ["google-site-verification=1", "v=spf1 ip4:192.0.2.1 -all"],
    "s1._domainkey.shop.example.com": ["v=DKIM1; p=MIIB abc"],
    "_dmarc.example.com": ["v=DMARC1; p=reject"],
}


async def judged(
    records: Mapping[str, Mapping[str, str | None]], zone: Mapping[str, list[str]]
) -> dict[str, Finding]:
    async def texts(name: str) -> list[str]:
        return zone.get(name, [])

    return {each.check: each for each in await examine(records, texts)}


async def test_a_domain_in_order() -> None:
    found = await judged({"shop.example.com": {"s1": RECORD}}, GOOD)
    assert {each.state for each in found.values()} == {State.OK}
    assert list(found) == ["SPF shop.example.com", "DKIM shop.example.com", "DMARC shop.example.com"]
    assert found["DMARC shop.example.com"].text == "v=DMARC1; p=reject", "the parent's counts"


@pytest.mark.parametrize(
    ("check", "name", "texts", "state", "says"),
    [
        ("SPF", "shop.example.com", [], State.WARNING, "no record"),
        ("SPF", "shop.example.com", ["v=spf10 -all"], State.WARNING, "no record"),
        ("SPF", "shop.example.com", ["v=spf1 -all", "v=spf1 ~all"], State.FAILED, "2 records"),
        ("SPF", "shop.example.com", ["v=spf1 +all"], State.WARNING, "+all"),
        ("DKIM", "s1._domainkey.shop.example.com", [], State.FAILED, "missing"),
        ("DKIM", "s1._domainkey.shop.example.com", ["v=DKIM1; p="], State.FAILED, "withdrawn"),
        ("DKIM", "s1._domainkey.shop.example.com", ["v=DKIM1; p=MIIBother"], State.FAILED, "another key"),
        ("DMARC", "_dmarc.example.com", [], State.WARNING, "no record"),
        ("DMARC", "_dmarc.shop.example.com", ["v=DMARC1; p=none"] * 2, State.FAILED, "2 records"),
    ],
)
async def test_what_is_wrong_is_told_with_a_remedy(
    check: str, name: str, texts: list[str], state: State, says: str
) -> None:
    found = await judged({"shop.example.com": {"s1": RECORD}}, {**GOOD, name: texts})
    finding = found[f"{check} shop.example.com"]
    assert finding.state is state
    assert says in finding.text
    assert finding.remedy
    assert {each.state for other, each in found.items() if not other.startswith(check)} == {State.OK}


async def test_a_provider_that_signs_itself_and_a_sender_nobody_signs_for() -> None:
    found = await judged({"shop.example.com": {"resend": None}}, GOOD)
    assert found["DKIM shop.example.com"].state is State.WARNING
    assert "dashboard" in found["DKIM shop.example.com"].remedy
    unsigned = await judged({"shop.example.com": {}}, GOOD)
    assert "HERMODR_DKIM_KEYS" in unsigned["DKIM shop.example.com"].remedy


async def test_names_that_are_not_public_are_not_asked_for() -> None:
    assert await judged({"localhost": {}, "hermodr.localhost": {}, "shop.test": {"s1": RECORD}}, {}) == {}


async def test_without_dns_there_is_one_warning() -> None:
    async def texts(name: str) -> list[str]:
        raise NoDns

    (finding,) = await examine({"example.com": {"s1": RECORD}}, texts)
    assert (finding.state, finding.text) == (State.WARNING, "no DNS server answered")


class Server(asyncio.DatagramProtocol):
    """Answers TXT queries: long texts in pieces, `broken.` with SERVFAIL, `silent.` not at all."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = query.question[0].name
        match name.labels[0]:
            case b"silent":
                return
            case b"broken":
                answer.set_rcode(dns.rcode.SERVFAIL)
            case b"nowhere":
                answer.set_rcode(dns.rcode.NXDOMAIN)
            case b"there":
                answer.answer.append(
                    dns.rrset.from_text(name, 60, "IN", "TXT", '"v=DKIM1; " "p=MIIB"', '"x"')
                )
        self.transport.sendto(answer.to_wire(), addr)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    monkeypatch.setattr(dns.asyncresolver, "default_resolver", resolver)
    monkeypatch.setattr(dns_texts, "SECONDS", 0.5)
    yield
    transport.close()


async def test_asking_a_server(server: None) -> None:
    assert sorted(await dns_texts.texts("there.example.com")) == ["v=DKIM1; p=MIIB", "x"]
    assert await dns_texts.texts("empty.example.com") == []
    assert await dns_texts.texts("nowhere.example.com") == []
    for name in ("broken.example.com", "silent.example.com"):
        with pytest.raises(NoDns):
            await dns_texts.texts(name)
