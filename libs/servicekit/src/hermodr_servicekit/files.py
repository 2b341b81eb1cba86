"""Files that tasks make and people fetch, in a folder or a store of objects that all replicas share."""

import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from hermodr_servicekit.settings import refuse

SCHEMES = ("file", "s3", "gs", "az")
PIECE_BYTES = 256 * 1024
_PLAIN_HTTP = "AWS_ALLOW_HTTP"
_TRIES = 3
_RETRY_SECONDS, _REQUEST_SECONDS, _CONNECT_SECONDS = 20, 60, 5


class FilesUnavailable(Exception):
    """The folder or store does not answer as it should. The text holds no address and no key."""


class NoSuchFile(Exception):
    """It was deleted, or never stored whole."""


def checked_url(url: str) -> str:
    """Raises `ValueError` for what names no place."""
    place = urlsplit(url)
    if place.scheme not in SCHEMES:
        raise ValueError(f"must start with {' or '.join(f'{each}://' for each in SCHEMES)}")
    if place.scheme == "file" and (place.netloc or not place.path.startswith("/")):
        raise ValueError("must name a folder as file:///path/to/folder")
    if place.scheme != "file" and not place.netloc:
        raise ValueError("must name a bucket")
    if place.username is not None or place.query or place.fragment:
        raise ValueError("holds more than a bucket and a path: keys and endpoints are variables of their own")
    return url


class Files:
    """By their ids. A file is there whole or not at all. Keys and endpoints of a store are read from the environment,
    under the names that its own tools have (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …)."""

    def __init__(self, url: str) -> None:
        """Connects to nothing. Raises `ValueError`."""
        self._store = _store(checked_url(url))

    async def put(self, file_id: UUID, content: Path | bytes) -> None:
        """`content`: a file of this machine, or all of it. Raises `FilesUnavailable`."""
        try:
            await obstore.put_async(self._store, str(file_id), content)
        except (BaseError, OSError, ValueError) as error:
            raise FilesUnavailable(type(error).__name__) from None

    async def open(self, file_id: UUID) -> AsyncIterator[bytes]:
        """The file is found when this returns; its pieces are read as they are taken. Raises `NoSuchFile` and
        `FilesUnavailable`, and so does the iteration."""
        try:
            found = await obstore.get_async(self._store, str(file_id))
        except FileNotFoundError:
            raise NoSuchFile from None
        except (BaseError, OSError, ValueError) as error:
            raise FilesUnavailable(type(error).__name__) from None
        return _pieces(found)

    async def delete(self, file_ids: Sequence[UUID]) -> None:
        """What is not there is deleted, too. Raises `FilesUnavailable`."""
        for each in file_ids:
            try:
                await obstore.delete_async(self._store, str(each))
            except FileNotFoundError:
                continue
            except (BaseError, OSError, ValueError) as error:
                raise FilesUnavailable(type(error).__name__) from None


def files_at(url: str | None) -> Files | None:
    """Of `HERMODR_FILES_URL`; an unusable one ends the process with status 2."""
    try:
        return Files(url) if url is not None else None
    except ValueError as error:
        refuse(f"HERMODR_FILES_URL: {error}")


async def _pieces(found: "obstore.GetResult") -> AsyncIterator[bytes]:
    try:
        async for piece in found.stream(PIECE_BYTES):
            yield bytes(piece)
    except (BaseError, OSError, ValueError) as error:
        raise FilesUnavailable(type(error).__name__) from None


def _store(url: str) -> ObjectStore:
    place = urlsplit(url)
    if place.scheme == "file":
        folder = Path(unquote(place.path))
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"the folder cannot be made ({type(error).__name__})") from None
        return LocalStore(folder)
    options = {
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        # which the library no longer reads from the environment once it is given options
        "allow_http": os.environ.get(_PLAIN_HTTP, "").lower() in ("true", "1"),
    }
    retrying = {"max_retries": _TRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)}
    try:
        return from_url(url, client_options=options, retry_config=retrying)  # type: ignore[call-overload,no-any-return]
    except BaseError as error:
        raise ValueError(f"is no store that can be used ({type(error).__name__})") from None
