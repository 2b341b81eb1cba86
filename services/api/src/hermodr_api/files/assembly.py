"""What the api has to know of files."""

from hermodr_api.files.service import Downloads
from hermodr_api.shared import Shared
from hermodr_servicekit.file_links import FileLinks
from hermodr_servicekit.files import files_at


def downloads_of(shared: Shared, url: str | None, links: FileLinks | None) -> Downloads:
    """`url`: `HERMODR_FILES_URL`; an unusable one ends the process with status 2."""
    return Downloads(shared.cold, shared.clock, files_at(url), links)
