import time

import pytest

from hermodr_api.console.subjects import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Your order {{ order.number }}", "Your order ‹order.number›"),
        ("{{-name|upper-}}, {{ a }}{{b}}", "‹name›, ‹a›‹b›"),
        ("{% if paid %}Paid{% else %}Due{% endif %}: {# why #}{{ sum | money('EUR') }}", "Paid Due : ‹sum›"),
        ("{% raw %}{{{% endraw %} x", "{{ x"),
        ("An {{ end that never comes {", "An {{ end that never comes {"),
        ("  two\n lines ", "two lines"),
    ],
)
def test_a_templates_subject_is_shown_with_the_names_of_its_variables(written: str, shown: str) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        "{% raw %}{{{% endraw %}" + " " * 700 + "x",
        "{{" * 1_000_000,
        "{%" * 1_000_000,
        "{{" + " " * 1_000_000 + "|" * 1_000_000,
    ],
    ids=["spaces", "prints", "statements", "filters"],
)
def test_no_subject_of_a_stranger_takes_long(written: str) -> None:
    begun = time.process_time()
    plain(written)

    assert time.process_time() - begun < 1.0
