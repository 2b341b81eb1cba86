"""Files in a folder, and in a store that speaks S3."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from hermodr_servicekit.files import Files, FilesUnavailable, NoSuchFile, checked_url
from tests.support.object_store import object_store

ONE, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture(params=["folder", "s3"])
async def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Files]:
    if request.param == "folder":
        yield Files((tmp_path / "kept here").as_uri())
        return
    async with object_store() as (_, url):
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", url),
            ("AWS_ALLOW_HTTP", "true"),
        ):
            monkeypatch.setenv(name, value)
        yield Files("s3://bucket/hermodr")


async def whole(files: Files, file_id: UUID) -> bytes:
    return b"".join([piece async for piece in await files.open(file_id)])


async def test_files_are_there_whole_until_they_are_deleted(files: Files, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        await files.open(ONE)
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * 1024 * 1024)
    await files.put(ONE, large)
    await files.put(OTHER, b"small")
    assert await whole(files, ONE) == large.read_bytes()
    assert await whole(files, OTHER) == b"small"
    await files.delete([ONE, UUID(int=3)])
    with pytest.raises(NoSuchFile):
        await files.open(ONE)
    assert await whole(files, OTHER) == b"small"


async def test_a_folder_that_is_away_says_so(tmp_path: Path) -> None:
    files = Files((tmp_path / "files").as_uri())
    (tmp_path / "files").rmdir()
    (tmp_path / "files").write_text("no folder")
    with pytest.raises(FilesUnavailable):
        await files.put(ONE, b"x")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file://host/x",
        "file:x",
        "s3:///x",
        "s3://key:secret@bucket/x",
        "s3://bucket/x?endpoint=y",
    ],
)
def test_what_names_no_place_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        checked_url(url)
