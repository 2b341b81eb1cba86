import pytest

from hermodr_contracts import mail_headers


@pytest.mark.parametrize("name", ["X-\u017f", "Li\u017ft-Id", "X-\u212a", "x-h\u00e9"])
def test_letters_that_only_fold_to_ascii_are_no_header(name: str) -> None:
    """A long s is an s, and a Kelvin sign a k, to whoever ignores case in Unicode."""
    assert [flawed for flawed, _ in mail_headers.flaws({name: "1"})] == [name]
