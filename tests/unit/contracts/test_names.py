import pytest

from hermodr_contracts.names import one_line_name


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Ada  Lovelace ",
        "👨\u200d👩\u200d👧\u200d👦",
        "क्\u200dष",
        "ශ්\u200dරී",
        "می\u200cخواهم",
        "山田\u3000太郎",
        "Jean\u00a0Luc",
        "Jean\u202fLuc",
        "דוד\u200f!",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "❤\ufe0f",
        "Donau\u00addampf",
        "\ufeffAda",
        "\U0001fae8",  # newer than Python 3.11
        "\uf8ff",
        "=?utf-8?q?Ada?=",
        '"Ada" <3',
    ],
)
def test_a_name_is_kept_as_given(name: str) -> None:
    assert one_line_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Ada\nBcc: eve@example.com",
        "Ada\rEve",
        "Ada\x00",
        "Ada\tLovelace",
        "Ada\x1b[31m",
        "Ada\x7f",
        "Ada\x85",
        "Ada\u2028Eve",
        "Ada\u2029Eve",
        "\u202emoc.elpmaxe",
        "\u202aAda",
        "\u2067Ada\u2069",
        "Ada\ud83d",
        "Ada\uffff",
        "Ada\U0001fffe",
    ],
)
def test_what_changes_how_other_text_reads_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="single line"):
        one_line_name(name)


@pytest.mark.parametrize("name", [" ", "\u3000\u00a0", "\u200d", "\u200f \ufe0f"])
def test_what_nobody_sees_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="can be seen"):
        one_line_name(name)
