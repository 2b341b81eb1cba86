"""What templates say of how people see their project."""

import pytest

from hermodr_contracts.brands import Brand
from hermodr_servicekit.ids import new_id
from hermodr_templates.branding import USUAL_COLOR, Branding
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer
from hermodr_templates.sandbox import BRAND
from tests.support.templates import Version
from tests.unit.templates.test_starters import CASES, NEEDED, published

SHOP = Brand(new_id(), "Shop & Sons", "#ffee00", "1234567890abcdef")
PLAIN = Brand(new_id(), "shop")


def test_every_name_has_a_text() -> None:
    for brand in (SHOP, PLAIN):
        for branding in (Branding(), Branding("https://mail.example/")):
            names = branding.names(brand)
            assert set(names) == BRAND
            assert all(value or name == "brand_logo" for name, value in names.items())
    assert Branding().names(PLAIN)["brand_color"] == USUAL_COLOR


def test_a_logo_is_an_address_of_ours_or_left_out() -> None:
    here = Branding("https://mail.example/")
    assert here.names(SHOP)["brand_logo"] == f"https://mail.example/brand/{SHOP.project_id}/{SHOP.logo}"
    assert here.names(PLAIN)["brand_logo"] == Branding().names(SHOP)["brand_logo"] == ""


def test_templates_need_no_data_for_them_but_data_wins() -> None:
    made = publish(Source("{{ brand_name }}", "{{ brand_color }} {{ brand_footer|default('') }}"))
    assert (made.flaws, made.required, made.variables) == ([], [], ["brand_footer"])
    version, names = Version("{{ brand_name }}", "{{ brand_color }}"), Branding().names(SHOP)
    shown = Renderer().render(version, {"brand_name": "Harbour"}, None, names)
    assert (shown.subject, shown.text) == ("Harbour", "#ffee00")


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_starters_look_like_the_project(name: str, locale: str) -> None:
    source, made = published(name, locale)
    version = Version(source.subject, source.body_text, made.compiled_html, locale=locale)
    shown = Renderer().render(version, NEEDED[name], None, Branding("https://mail.example").names(SHOP))
    html = shown.html or ""
    assert "Shop & Sons" in shown.text
    assert 'alt="Shop &amp; Sons"' in html
    assert "Hermodr" not in shown.subject + shown.text + html
    assert f'src="https://mail.example/brand/{SHOP.project_id}/{SHOP.logo}"' in html
    assert USUAL_COLOR not in html
    if 'css-class="button"' in (source.body_mjml or "") and "link" in NEEDED[name]:
        assert "#ffee00" in html
        assert "color:#000000" in html.replace(" ", "")
