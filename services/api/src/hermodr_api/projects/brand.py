"""How people see a project: its name, colour and logo on pages of ours, which fetch nothing from elsewhere."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Part
from hermodr_api.http.fields import Name

KIB = 1024
MOST_OF_A_LOGO = 32 * KIB
"""Octets: it stands in the page itself."""
_KINDS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
EXAMPLE: JsonDict = {"name": "Shop", "color": "#2456d6", "logo": None}


def _image(url: str) -> str:
    """The URL as it is. Raises `ValueError` for anything but a small picture that is what it says."""
    head, comma, content = url.partition(",")
    kind = head.removeprefix("data:").removesuffix(";base64")
    if not comma or head != f"data:{kind};base64" or kind not in _KINDS:
        raise ValueError(f"is no data:…;base64,… URL of {', '.join(_KINDS)}")
    try:
        octets = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64") from None
    if len(octets) > MOST_OF_A_LOGO:
        raise ValueError(f"has more than {MOST_OF_A_LOGO // KIB} KiB")
    if not octets.startswith(_KINDS[kind]):
        raise ValueError(f"is not what it says: no {kind}")
    return url


class Brand(Part):
    """How people see the project: on their preference page, which has no picture from elsewhere, and in messages."""

    name: Name | None = Field(
        default=None, description="What people know it by; by default the project's name.", examples=["Shop"]
    )
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = Field(
        default=None,
        description="The colour of buttons. Texts on it are black or white, whichever is read better; where it is too "
        "pale for links it is darkened, in dark mode lightened.",
        examples=["#2456d6"],
    )
    logo: Annotated[str, Field(max_length=MOST_OF_A_LOGO * 4 // 3 + 100), AfterValidator(_image)] | None = (
        Field(
            default=None,
            description="A data URL of a PNG, JPEG, GIF or WebP, of at most 32 KiB.",
            examples=["data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="],
        )
    )
