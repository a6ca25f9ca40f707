"""The folder with the files of subscriptions, as it is read: by number, never by a name that somebody sent (RP-18).

    DIR/<code>/<code>-<sequence, 10 digits>.xml

A subscriber whose account may write below its own folder could plant links there. So nothing but a directory is walked
through, and nothing but an ordinary file of the expected size is opened; a link is neither.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from kruispunt.mutations.layout import name_of

_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without waiting: to open a pipe that was planted would wait for somebody who writes into it."""
_ODD: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO})
"""What opening a link, a file in place of a folder, and a socket end with."""


class Missing(Exception):
    """The file is not there; `odd` when something else lies in its place, which an operator should see."""

    def __init__(self, what: str, *, odd: bool) -> None:
        super().__init__(what)
        self.odd = odd


def open_file(directory: Path, code: str, sequence: int, size: int) -> int:
    """A descriptor of the file, to be closed by the caller.

    Raises Missing, and OSError where the folder itself cannot be read, or the file may not be.
    """
    home = os.open(directory, _FOLDER)
    try:
        try:
            folder = os.open(code, _FOLDER | os.O_NOFOLLOW, dir_fd=home)
        finally:
            os.close(home)
        try:
            file = os.open(name_of(code, sequence), _FILE, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise Missing("the file is not in the folder", odd=False) from None
    except OSError as error:
        if error.errno in _ODD:
            raise Missing("something that is no file lies in its place", odd=True) from None
        raise
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_size == size:
        return file
    os.close(file)
    raise Missing("what lies in its place is no file, or has another size", odd=True)
