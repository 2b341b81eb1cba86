"""Templates as files: what is written and read again is the same, and errors name file and line."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hermodr_client.errors import Flaw
from hermodr_client.models.templates import Template
from hermodr_client.template_files import FileFlawed, read, write

ID = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20000")
ODD = 'a "quoted" \\n {{ name }}\x7f\x1b ü 𝄞 \u2028 #x'


def template(name: str = "welcome", **fields: Any) -> Template:
    contents = {
        "email": {
            "en": {
                "subject": ODD,
                "body_text": f"{ODD}\r\nno line end at the end",
                "body_mjml": "<mjml>\n\n</mjml>\n\n",
            },
            "de-AT": {"subject": "Hallo", "body_html": "\ufeff<p>\t</p>\r", "inline_css": False},
        },
        "in_app": {
            "en": {
                "subject": None,
                "body_text": " ",
                "body_html": None,
                "body_mjml": None,
                "inline_css": True,
            }
        },
    }
    return Template.model_validate({"id": ID, "name": name, "version": 1, "contents": contents} | fields)


def texts(contents: dict[str, Any]) -> dict[str, Any]:
    plain = {"inline_css": True}
    return {
        channel: {
            locale: plain | {name: value for name, value in each.items() if value is not None}
            for locale, each in locales.items()
        }
        for channel, locales in contents.items()
    }


def test_what_is_written_is_read(tmp_path: Path) -> None:
    other = template("a.b:c", critical=True, default_locale="de-AT")
    for each in (template(), other):
        write(tmp_path, each)
    first, second = read(tmp_path)
    assert (first.name, first.critical, first.default_locale) == ("a.b:c", True, "de-AT")
    assert (second.name, second.critical, second.default_locale) == ("welcome", False, "en")
    assert texts(first.contents) == texts(second.contents) == texts(template().contents)
    assert sorted(each.name for each in (tmp_path / "welcome").iterdir()) == [
        "email.de-AT.html", "email.en.mjml", "email.en.txt", "in_app.en.txt", "template.toml",
    ]  # fmt: skip
    assert read(tmp_path / "welcome") == [second]


def test_from_and_reply_to_are_in_the_head(tmp_path: Path) -> None:
    mail: dict[str, Any] = {
        "from": 'Shop "X" <shop@example.com>',
        "reply_to": ["a@example.com", "b@example.com"],
    }
    (found,) = [read(write(tmp_path, template(**mail)))[0]]
    assert (found.sender, found.reply_to) == (mail["from"], mail["reply_to"])
    assert '\nreply_to = ["a@example.com", "b@example.com"]\n' in (found.folder / "template.toml").read_text()
    flaw = Flaw(("body", "from"), "x@example.com is not a verified sender")
    assert found.where(flaw) == f"{found.folder}/template.toml:4: x@example.com is not a verified sender"


def test_texts_that_are_gone_leave_no_file(tmp_path: Path) -> None:
    folder = write(tmp_path, template())
    (folder / "notes.md").write_text("ours")
    less = {"email": {"en": {"subject": "x", "body_text": "x"}}}
    write(tmp_path, template(contents=less))
    assert sorted(each.name for each in folder.iterdir()) == ["email.en.txt", "notes.md", "template.toml"]
    assert read(folder)[0].contents == less


def test_the_head_is_easy_to_read(tmp_path: Path) -> None:
    less = {"email": {"en": {"subject": "Hello {{ name }}", "body_text": "x"}}}
    folder = write(tmp_path, template(contents=less))
    assert (folder / "template.toml").read_text() == (
        'name = "welcome"\ncritical = false\ndefault_locale = "en"\n\n[email.en]\nsubject = "Hello {{ name }}"\n'
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"template.toml": 'name = "x"\ncritical = maybe\n'}, "template.toml:2: Invalid value"),
        ({"template.toml": 'name = "x"\n\ncolour = "red"\n'}, "template.toml:3: colour is none of"),
        (
            {"template.toml": 'name = "x"\ncritical = 1\n'},
            "template.toml:2: critical has to be true or false",
        ),
        ({"template.toml": "critical = true\n"}, "template.toml: has no name"),
        (
            {"template.toml": 'name = "x"\n[email.en]\nsubject = "x"\n', "email.de.txt": "x"},
            "template.toml:2: there is no email.en.mjml",
        ),
        (
            {"template.toml": 'name = "x"\n[email.en]\nsubject = "x"\ntitle = "x"\n', "email.en.txt": "x"},
            "template.toml:4: title is none of subject, inline_css",
        ),
        ({"template.toml": 'name = "x"\n', "email.txt": "x"}, "email.txt: is no <channel>.<locale>.mjml"),
        ({"template.toml": 'name = "x"\n', "email.en.txt": b"a\nb\xff"}, "email.en.txt:2: is not UTF-8"),
        ({"email.en.txt": "x"}, "email.en.txt: there is no template.toml beside it"),
    ],
)
def test_what_is_no_template_is_told_with_its_place(
    tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FileFlawed) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{folder}/{said}")


def test_two_templates_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, template())
    folder.rename(tmp_path / "copy")
    write(tmp_path, template())
    with pytest.raises(FileFlawed, match=r"template.toml:1: .* has the name 'welcome', too"):
        read(tmp_path)


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.html").write_text("x")
    (tmp_path / "README.md").write_text("x")
    assert read(tmp_path) == []


def test_a_flaw_that_the_api_finds_has_its_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, template())
    (filed,) = read(tmp_path)
    at = filed.folder
    for loc, msg, said in (
        (("email", "en", "body_mjml"), "line 3, column 10: is open", f"{at}/email.en.mjml:3:10: is open"),
        (
            ("email", "en", "subject"),
            "line 1, column 5: bad",
            f"{at}/template.toml:10: line 1, column 5: bad",
        ),
        (
            ("email",),
            "the default_locale en is missing",
            f"{at}/template.toml: the default_locale en is missing",
        ),
    ):
        assert filed.where(Flaw(("body", "contents", *loc), msg)) == said
    assert filed.where(Flaw(("body", "name"), "no name")) == f"{at}/template.toml:1: no name"


def test_an_approved_template_of_whatsapps_stands_in_a_section_of_its_own(tmp_path: Path) -> None:
    approved = {
        "name": "order_ready",
        "language": "de_AT",
        "parameters": ["{{ name }}", ODD],
        "header": None,
        "buttons": [None, "{{ code }}"],
    }
    contents = {
        "whatsapp": {"de-AT": {"body_text": "Hallo", "approved": approved}, "en": {"approved": approved}}
    }
    write(tmp_path, template(contents=contents))
    (found,) = read(tmp_path)
    kept = {name: value for name, value in approved.items() if value is not None}
    assert found.contents["whatsapp"]["de-AT"] == {"body_text": "Hallo", "approved": kept}
    assert found.contents["whatsapp"]["en"] == {"approved": kept}
    loc = ("body", "contents", "whatsapp", "en", "approved", "parameters", 0)
    where = found.where(Flaw(loc=loc, msg="line 1, column 3: no"))
    head = (tmp_path / "welcome" / "template.toml").read_text().split("\n")
    place, _, said = where.partition(": ")
    assert (head[int(place.rpartition(":")[2]) - 1][:10], said) == ("parameters", "line 1, column 3: no")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nome = 'x'", "nome is none of name, language, parameters, header, buttons"),
        ("name = 1", "name has to be a text in quotes"),
        ("parameters = 'x'", "parameters has to be a list of texts"),
    ],
)
def test_what_an_approved_template_cannot_have_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "template.toml").write_text(f'name = "x"\n[whatsapp.en.approved]\n{line}\n')
    with pytest.raises(FileFlawed) as flawed:
        read(tmp_path)
    assert str(flawed.value) == f"{tmp_path / 'template.toml'}:3: {reason}"
