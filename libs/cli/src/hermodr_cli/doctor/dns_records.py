"""The DNS records by which receivers know that a mail is from whom it says: SPF (RFC 7208), DKIM (RFC 6376), DMARC
(RFC 7489). Large mailbox providers refuse bulk mail without them."""

from __future__ import annotations

from collections.abc import Mapping

from hermodr_cli.doctor.finding import Area, Finding
from hermodr_servicekit.dns_texts import NoDns, Texts, texts

AREA = Area("dns")
_NOT_PUBLIC = ("localhost", "local", "test", "example", "invalid", "internal")

Records = Mapping[str, Mapping[str, str | None]]
"""By domain and selector: the TXT record that belongs there, or `None` if only the provider knows it."""


async def examine(records: Records, texts: Texts = texts) -> list[Finding]:
    """For each public domain that mails come from."""
    findings: list[Finding] = []
    for domain in sorted(each for each in records if _is_public(each)):
        try:
            findings += [
                await _spf(domain, texts),
                *[await _dkim(domain, *each, texts) for each in sorted(records[domain].items())],
                await _dmarc(domain, texts),
            ]
            if not records[domain]:
                findings.append(_unsigned(domain))
        except NoDns:
            remedy = "run this where DNS can be asked, to check SPF, DKIM and DMARC"
            findings.append(AREA.warning(domain, "no DNS server answered", remedy))
    return findings


def _is_public(domain: str) -> bool:
    return "." in domain and domain.rpartition(".")[2] not in _NOT_PUBLIC


async def _spf(domain: str, texts: Texts) -> Finding:
    check = f"SPF {domain}"
    found = [each for each in await texts(domain) if each.lower().split(" ")[0] == "v=spf1"]
    if not found:
        remedy = f"publish a TXT record at {domain}: v=spf1 … -all, with the servers that send for it"
        return AREA.warning(check, "there is no record", remedy)
    if len(found) > 1:
        remedy = "merge them into one: receivers treat several as an error (RFC 7208 §4.5)"
        return AREA.failed(check, f"there are {len(found)} records", remedy)
    if {"+all", "all"} & set(found[0].lower().split()):
        return AREA.warning(check, found[0], "end it with -all or ~all: this one lets everybody send")
    return AREA.ok(check, found[0])


async def _dkim(domain: str, selector: str, record: str | None, texts: Texts) -> Finding:
    name = f"{selector}._domainkey.{domain}"
    check = f"DKIM {domain}"
    key = next((key for each in await texts(name) if (key := _tags(each).get("p")) is not None), None)
    if not key:
        what = "was withdrawn" if key == "" else "is missing"
        wanted = f"TXT {record}" if record else "what your provider's dashboard says"
        make = AREA.warning if record is None else AREA.failed
        return make(check, f"{name} {what}", f"publish at {name}: {wanted}")
    if record is not None and key != _tags(record)["p"]:
        remedy = f"publish at {name}: TXT {record}"
        return AREA.failed(check, f"{name} holds another key than the one that signs", remedy)
    return AREA.ok(check, f"{name} is there")


def _unsigned(domain: str) -> Finding:
    remedy = "give the sender a key (HERMODR_DKIM_KEYS), unless the mail server signs: docs/guides/deliverability.md"
    return AREA.warning(f"DKIM {domain}", "Hermodr does not sign these mails", remedy)


async def _dmarc(domain: str, texts: Texts) -> Finding:
    check = f"DMARC {domain}"
    labels = domain.split(".")
    for at in range(len(labels) - 1):
        parent = ".".join(labels[at:])
        found = [each for each in await texts(f"_dmarc.{parent}") if each.lower().startswith("v=dmarc1")]
        if len(found) > 1:
            remedy = "keep one: receivers ignore several (RFC 7489 §6.6.3)"
            return AREA.failed(check, f"_dmarc.{parent} has {len(found)} records", remedy)
        if found:
            return AREA.ok(check, found[0])
    remedy = f"publish a TXT record at _dmarc.{domain}: v=DMARC1; p=none; rua=mailto:you@{domain}"
    return AREA.warning(check, "there is no record", remedy)


def _tags(record: str) -> dict[str, str]:
    """`k=rsa; p=…` by tag, without white space (RFC 6376 §3.2)."""
    pairs = (each.partition("=") for each in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, found, value in pairs if found}
