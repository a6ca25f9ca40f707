"""Files that came by another way than HTTPS, by SFTP say: they lie in a folder, each with its voucher."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kruispunt.errors import DataError
from kruispunt.files.voucher import Content, read_voucher_file, voucher_of
from kruispunt.receive.checking import content
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.source import name_of


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder that is only read. What comes last, and is still without voucher, is on its way and not offered."""

    folder: Path
    code: str

    def offered(self, after: int) -> Iterator[int]:
        found = sorted(number for number in self._numbers() if number > after)
        for number in found:
            if not voucher_of(self._path(number)).is_file() and number == found[-1]:
                return
            yield number

    def voucher(self, sequence: int) -> bytes:
        path = voucher_of(self._path(sequence))
        if not path.is_file():
            raise NotReceived(Problem.MISSING, f"file {sequence} came without its voucher", "Fetch the voucher too")
        try:
            return read_voucher_file(path)
        except DataError as error:
            raise NotReceived(Problem.UNREACHABLE, str(error)) from error

    def content(self, sequence: int) -> Content:
        return content(self.file(sequence, Content(0, "")))

    def file(self, sequence: int, signed: Content) -> Path:  # noqa: ARG002 - all of it is there
        path = self._path(sequence)
        if not path.is_file():
            raise NotReceived(Problem.MISSING, f"the voucher of file {sequence} came without the file", "Fetch it too")
        return path

    def keep(self, sequence: int, file: Path, voucher: bytes) -> Path:  # noqa: ARG002 - it stays where it is
        return file

    def discard(self, file: Path) -> None:
        """Nothing: the folder is somebody else's."""

    def acknowledge(self, sequence: int, sha256: str) -> None:
        """Nothing: whoever brings the files says that they were collected."""

    def _path(self, sequence: int) -> Path:
        return self.folder / name_of(self.code, sequence)

    def _numbers(self) -> set[int]:
        name = re.compile(rf"{re.escape(self.code)}-([0-9]{{10,15}})\.xml(\.voucher\.xml)?")
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError as error:
            raise NotReceived(
                Problem.UNREACHABLE, f"{self.folder} cannot be read: {error.strerror}", "Check --folder"
            ) from error
        found = [(int(match[1]), each) for each in names if (match := name.fullmatch(each))]
        return {number for number, each in found if each.removesuffix(".voucher.xml") == name_of(self.code, number)}
