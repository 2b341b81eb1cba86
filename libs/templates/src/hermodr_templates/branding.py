"""What templates may say of how people see the project: `brand_name`, `brand_color` and the like."""

from collections.abc import Mapping
from functools import lru_cache

from hermodr_contracts.brands import Brand
from hermodr_templates.colors import shades

USUAL_COLOR = "#2f5bea"
_MOST = 1_000


class Branding:
    """`public_url`: where the api is reached from outside; without it logos are left out, for mail programs show no
    data URLs."""

    def __init__(self, public_url: str | None = None) -> None:
        self._base = public_url.rstrip("/") if public_url is not None else None
        self.names = lru_cache(maxsize=_MOST)(self._names)

    def _names(self, brand: Brand) -> Mapping[str, str]:
        """All names of `sandbox.BRAND`, with texts, not to be changed. A logo that there is not is empty."""
        shade = shades(brand.color or USUAL_COLOR)
        logo = brand.logo_path
        return {
            "brand_name": brand.name,
            "brand_color": shade.deed,
            "brand_on_color": shade.on_deed,
            "brand_link_color": shade.light,
            "brand_link_color_dark": shade.dark,
            "brand_logo": f"{self._base}{logo}" if self._base is not None and logo is not None else "",
        }
