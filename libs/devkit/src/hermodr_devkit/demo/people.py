"""The demo's recipients, at addresses nobody has (RFC 2606) and at numbers nobody has (Ofcom keeps +44 7700 900
for drama)."""

from collections.abc import Iterator
from dataclasses import dataclass

FIRST = (
    "Amelie", "Jonas", "Freya", "Mateo", "Ingrid", "Søren", "Clara", "Emil", "Yara", "Tomás",
    "Hanna", "Ole", "Noor", "Felix", "Marit", "Luca", "Greta", "Anton", "Ines", "Björn",
)  # fmt: skip
LAST = (
    "Lindqvist", "Brandt", "Okafor", "Winter", "Moreau", "Nakamura", "Sørensen", "Keller", "Duarte", "Haugen",
    "Petrov", "Castellano", "Weiß", "Ashworth", "Bergström", "Novák", "Ferreira", "Holm", "Adeyemi", "Vogel",
)  # fmt: skip
PLAIN = str.maketrans({"ø": "o", "á": "a", "ö": "o", "ß": "ss"})


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    locale: str = "en"
    external_id: str = ""
    phone: str = ""

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]


def people(count: int, domain: str, start: int = 0, locales: tuple[str, ...] = ("en",)) -> list[Person]:
    """Different people of a domain; another `start` gives other names. Up to 400 names are distinct."""
    found = []
    for number, name in zip(range(start, start + count), _names(start), strict=False):
        local = name.lower().translate(PLAIN).replace(" ", ".")
        found.append(
            Person(
                name,
                f"{local}@{domain}",
                locales[number % len(locales)],
                f"guest-{1000 + number}",
                f"+447700900{number % 1000:03}",
            )
        )
    return found


def _names(start: int) -> Iterator[str]:
    number = start
    while True:
        first, turn = number % len(FIRST), number // len(FIRST)
        yield f"{FIRST[first]} {LAST[(first * 7 + turn) % len(LAST)]}"
        number += 1
