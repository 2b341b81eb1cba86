"""Numbers in templates are decimal and exact, whether they come with the data or stand in the template."""

from __future__ import annotations

import pytest

from hermodr_contracts.limits import MOST_DIGITS
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer, RenderingFailed
from tests.support.templates import Version

HUGE = "12345678901234567890.12"
DATA: dict[str, object] = {
    "price": 2.675, "cent": 1.005, "half": 0.5, "a": 12345678901234567890, "n": 7, "t": "19.90", "yes": True,
    "rows": [{"p": 0.1}, {"p": 0.2}, {"p": 1e-7}], "long": 10**40 + 1, "whole": 1e15, "e": 1e22, "minus": -2.5,
}  # fmt: skip


def made(template: str, **data: object) -> str:
    return Renderer().render(Version(body_text=template), DATA | data).text


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        # written and read to the last digit
        (HUGE, HUGE),
        ("-0.1", "-0.1"),
        ("1_000.25", "1000.25"),
        ("1.5e3", "1500.0"),
        ("1e-7", "0.0000001"),
        ("1e16", "10000000000000000"),
        ("whole", "1000000000000000.0"),
        ("e", "1" + "0" * 22),
        ("-a", "-12345678901234567890"),
        (f"-{HUGE}", f"-{HUGE}"),
        ("-0.0", "0.0"),
        # computed
        ("a / 1", "12345678901234567890"),
        ("a + 0.5", "12345678901234567890.5"),
        ("a * 1.1", "13580246791358024679.0"),
        (f"{HUGE} - a", "0.12"),
        ("long / 1", str(10**40 + 1)),
        ("long / 2", "5" + "0" * 39 + ".5"),
        ("0.1 + 0.2", "0.3"),
        ("0.1 + half", "0.6"),
        ("1.1 * 1.1", "1.21"),
        ("0.3 % 0.1", "0.0"),
        ("n % 2.5", "2.0"),
        ("minus % 2", "1.5"),
        ("2.5 % -2", "-1.5"),
        ("1e300 % 0.7", "0.3"),
        ("n // 0.7", "10.0"),
        ("minus // 1", "-3.0"),
        ("n // 2", "3"),
        ("n / 2", "3.5"),
        ("6 / 2", "3.0"),
        ("10 / 3", "3.333333333333333333333333333"),
        ("1.05 ** 10", "1.62889462677744140625"),
        ("2 ** -2", "0.25"),
        ("2 ** 70", "1180591620717411303424"),
        ("(2 ** 0.5)|round(4)", "1.4142"),
        ("0.0 ** 0", "1.0"),
        # rounded half away from zero
        ("price|round(2)", "2.68"),
        ("cent|round(2)", "1.01"),
        ("2.5|round", "3.0"),
        ("minus|round", "-3.0"),
        ("1.21|round(1, 'ceil')", "1.3"),
        ("1.29|round(1, 'floor')", "1.2"),
        ("1250|round(-2)", "1300"),
        ("42|round(2)", "42"),
        (f"{HUGE}|round(1)", "12345678901234567890.1"),
        ("(0 - 0.001)|round(2)", "0.0"),
        # formatted likewise
        (f"'%.2f'|format({HUGE})", HUGE),
        ("'%.2f'|format(price)", "2.68"),
        ("'%.2f'|format(cent)", "1.01"),
        ("'%.2f' % 1.005", "1.01"),
        ("'%.2f'|format(a)", "12345678901234567890.00"),
        ("'%.2f'|format(-0.001)", "0.00"),
        ("'%.0f'|format(2.5)", "3"),
        ("'%f'|format(0.1)", "0.100000"),
        ("'%+09.2f|%-8.1f|%8.1f|% .1f'|format(1.25, 1.25, 1.25, 1.25)", "+00001.25|1.3     |     1.3| 1.3"),
        ("'%(p).2f %%'|format(p=cent)", "1.01 %"),
        (f"'%d'|format({HUGE})", "12345678901234567890"),
        ("'%s'|format(half)", "0.5"),
        ("'%e'|format(half)", "5.000000e-01"),
        ("'%x'|format(255)", "ff"),
        ("'%r'|format(half)", "0.5"),
        # read, summed up, compared, handed on
        ("'12345678901234567890.12'|float", HUGE),
        ("t|float * 3", "59.7"),
        ("'x'|float", "0.0"),
        ("'nan'|float(1.5)", "1.5"),
        (f"{HUGE}|int", "12345678901234567890"),
        (f"'{HUGE}'|int", "12345678901234567890"),
        ("'ff'|int(0, 16)", "255"),
        ("minus|int", "-2"),
        ("minus|abs", "2.5"),
        ("rows|sum('p')", "0.3000001"),
        ("[0.1, 0.2, a]|sum", "12345678901234567890.3"),
        ("[0.3, half, 1]|max", "1"),
        ("[half, 0.3]|sort|join(' ')", "0.3 0.5"),
        ("'y' if half == 0.5 and half <= 1 / 2 else 'n'", "y"),
        ("'y' if 0.1 + 0.2 == 0.3 else 'n'", "y"),
        ("'y' if half is number and half is float and half is not integer else 'n'", "y"),
        ("'y' if 3.0 is odd and -3.0 is odd and 4.0 is even and 0.3 is divisibleby 0.1 else 'n'", "y"),
        (f"[{HUGE}, half, 3.0, n]|tojson", f"[{HUGE}, 0.5, 3.0, 7]"),
        ("(half ~ '|' ~ a / 1)", "0.5|12345678901234567890"),
        ("{'p': half}|urlencode", "p=0.5"),
        ("rows[n / 7].p", "0.2"),
        ("'abc'[:4 / 2]", "ab"),
        ("'ab' * (4 / 2)", "abab"),
        ("range(4 / 2)|list|length", "2"),
    ],
)
def test_numbers_are_exact(expression: str, printed: str) -> None:
    template = f"{{{{ {expression} }}}}"
    assert publish(Source(body_text=template)).flaws == []
    assert made(template) == printed


def test_what_a_loop_computes_is_exact() -> None:
    loop = (
        "{% set s = namespace(v=0) %}{% for i in range(1000) %}{% set s.v = s.v + 0.1 %}{% endfor %}{{ s.v }}"
    )
    assert made(loop) == "100.0"
    growth = loop.replace("v=0", "v=1").replace("s.v + 0.1", "s.v * 1.0051234")
    assert made(growth.replace("{{ s.v }}", "{{ s.v|round(2) }}")) == "165.72"


def test_data_is_left_as_it_was() -> None:
    data: dict[str, object] = {"a": [{"b": 0.5}], "c": {"d": [1.5]}}
    assert made("{{ a[0].b }} {{ c.d[0] }}", **data) == "0.5 1.5"
    assert repr(data) == "{'a': [{'b': 0.5}], 'c': {'d': [1.5]}}"


@pytest.mark.parametrize("literal", ["1e999", "1e99999999999999999999", "-1e309"])
def test_numbers_beyond_the_limits_of_data_are_refused(literal: str) -> None:
    (flaw,) = publish(Source(body_text=f"{{{{ {literal} }}}}")).flaws
    assert "number" in flaw.reason


@pytest.mark.parametrize(
    "expression",
    [
        "1e300 ** 20",
        "10.5 ** 1000 * 10.5 ** 1000 * 10.5 ** 1000 * 10.5 ** 1000 * 10.5 ** 1000",
        "'1e9999'|float",
        "'1e9999'|int",
        "'1e-9999'|float",
    ],
)
def test_numbers_have_an_end(expression: str) -> None:
    with pytest.raises(RenderingFailed) as caught:
        made(f"{{{{ {expression} }}}}")
    assert caught.value.code == "render_limit"
    assert MOST_DIGITS == 4_300
