import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_templates.colors import DARK_CARD, LIGHT_CARD, READABLE, contrast, shades


def rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_can_be_read(number: int) -> None:
    color = f"#{number:06x}"
    shade = shades(color)
    assert shade.deed == color
    assert contrast(rgb(shade.on_deed), rgb(shade.deed)) >= READABLE
    assert contrast(rgb(shade.light), LIGHT_CARD) >= READABLE
    assert contrast(rgb(shade.dark), DARK_CARD) >= READABLE


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [((0, 0, 0), (255, 255, 255), 21.0), ((119, 119, 119), (255, 255, 255), 4.48), ((9, 9, 9), (9, 9, 9), 1)],
)
def test_contrast_is_that_of_wcag(
    one: tuple[int, int, int], other: tuple[int, int, int], ratio: float
) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


def test_a_readable_colour_stays_as_it_is() -> None:
    assert shades("#2456D6").light == "#2456d6"
