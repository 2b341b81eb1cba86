"""Phone numbers in E.164, checked by Google's plan of the world's numbers."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

_LONGEST = 16
_NOWHERE = "001"
"""What the plan calls numbers of no country: satellites, toll-free everywhere."""

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""ISO 3166."""


@lru_cache(maxsize=4096)
def phone_number(text: str) -> str:
    """`text` as it is stored: `+`, country code, number. Its length must be one that the country has; whether a range
    is in use changes too often to be refused for. Raises `ValueError`."""
    digits = text[1:]
    if not text.startswith("+") or len(text) > _LONGEST or not (digits.isascii() and digits.isdigit()):
        raise ValueError("must be a phone number in E.164: +, country code and number, such as +15550100123")
    try:
        number = phonenumbers.parse(text)
    except NumberParseException:
        raise ValueError("is no phone number: no country has this code") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("is no phone number: it is too short or too long for its country")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


@lru_cache(maxsize=4096)
def country_of(number: str) -> str | None:
    """The country (ISO 3166, `DE`) of a number in E.164; `None` for those of no country. Countries that share a code
    are told apart where the number says so."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return region if region and region not in (_NOWHERE, "ZZ") else None


_SAME = (
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+549(\d{10})"), r"+54\1"),
    (re.compile(r"\+55(\d{2})9?([6-9]\d{7})"), r"+55\g<1>9\2"),
)
"""Mexico and Argentina had or have a digit before mobile numbers that is dialled from abroad only; Brazil added a ninth
digit, and who has WhatsApp from before is known there without it."""


def whatsapp_number(phone: str) -> str:
    """A number in E.164 as one name of its person: WhatsApp names some in its reports by another spelling than the one
    we wrote to (https://developers.facebook.com/docs/whatsapp/cloud-api/reference/phone-numbers)."""
    for pattern, plain in _SAME:
        if found := pattern.fullmatch(phone):
            return found.expand(plain)
    return phone


def whatsapp_spellings(phone: str) -> tuple[str, ...]:
    """Every number that has the same `whatsapp_number`."""
    plain = whatsapp_number(phone)
    more = {"+52": f"+521{plain[3:]}", "+54": f"+549{plain[3:]}"}.get(plain[:3])
    if plain.startswith("+55") and len(plain) == 14:
        more = plain[:5] + plain[6:]
    return (plain, more) if more is not None and whatsapp_number(more) == plain else (plain,)
