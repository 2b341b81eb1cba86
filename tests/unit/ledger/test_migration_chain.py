"""The migrations are one line: branches that met on main would migrate nothing."""

import re
from importlib import resources


def test_each_migration_follows_the_one_before_it() -> None:
    folder = resources.files("hermodr_ledger") / "migrations" / "versions"
    files = sorted(each.name for each in folder.iterdir() if re.match(r"\d{4}_.*\.py$", each.name))
    numbers = [name[:4] for name in files]
    assert numbers == [f"{number:04}" for number in range(1, len(files) + 1)]
    for name, before in zip(files, [None, *numbers], strict=False):
        source = (folder / name).read_text(encoding="utf-8")
        assert f'revision = "{name[:4]}"' in source
        assert f"down_revision = {before!r}".replace("'", '"') in source
        assert (folder / name.replace(".py", ".sql")).is_file()
