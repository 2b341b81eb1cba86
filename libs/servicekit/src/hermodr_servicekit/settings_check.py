"""`python -m hermodr_servicekit.settings_check hermodr_api …`: are the settings of these services right?

Says all that is wrong with any of them at once, without a value, and ends with status 2; with 0 when nothing is."""

import importlib
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from hermodr_servicekit.settings import Flaws, ServiceSettings, flaws_of


def flaws(modules: Sequence[str]) -> Flaws:
    """What is wrong with the environment for the services in these packages."""
    found = Flaws()
    for module in modules:
        for cls in _settings_of(module):
            try:
                cls()
            except ValidationError as error:
                found |= flaws_of(cls, error)
    return found


def _settings_of(module: str) -> list[type[ServiceSettings]]:
    inside = vars(importlib.import_module(f"{module}.settings")).values()
    classes = [each for each in inside if isinstance(each, type) and issubclass(each, ServiceSettings)]
    return [cls for cls in classes if cls is not ServiceSettings]


if __name__ == "__main__":
    complaints = flaws(sys.argv[1:])
    print(complaints)
    sys.exit(2 if complaints else 0)
