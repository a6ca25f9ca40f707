"""`suppliers.toml`: what is taken, what is refused, and that the reference tells all of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from documentation import ROOT, blocks
from kruispunt.errors import ConfigurationError
from kruispunt.suppliers.configuration import SupplierConfiguration, load_suppliers
from kruispunt.suppliers.failure import Reason

PAGE = ROOT / "docs" / "reference" / "suppliers.md"
TABLE = """[supplier."National Register"]
url = "https://register.example.be:8443/foreigners"
ca = "ca.pem"
client_certificate = "/etc/client.pem"
client_key = "client.key"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "suppliers.toml"
    file.write_text(text)
    return file


def test_paths_are_seen_from_the_file(tmp_path: Path) -> None:
    (one,) = load_suppliers(written(tmp_path, TABLE)).values()
    assert (one.ca, one.client_certificate, one.client_key) == (
        tmp_path / "ca.pem",
        Path("/etc/client.pem"),
        tmp_path / "client.key",
    )
    assert one.reply_signers is None


def test_without_a_file_nothing_is_elsewhere() -> None:
    assert load_suppliers(None) == {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("https://", "http://"), "https"),
        (("https://", "https://name:word@"), "user name"),
        (("8443", "84430"), "url"),
        (("register.example.be", "register..be"), "host"),
        (("/foreigners", "/a#b"), "fragment"),
        (("/foreigners", "/a b"), "blank"),
        (('ca = "ca.pem"', ""), "ca: Field required"),
        (('ca = "ca.pem"', 'ca = "ca.pem"\nconnections = 0'), "connections"),
        (('ca = "ca.pem"', 'ca = "ca.pem"\nread_seconds = inf'), "read_seconds"),
        (('ca = "ca.pem"', 'ca = "ca.pem"\nreply_confirmed = true'), "reply_signers"),
        (('ca = "ca.pem"', 'ca = "ca.pem"\nproxy = "x"'), "proxy"),
        (("[supplier.", "[other."), "other"),
        (("]", ""), "suppliers.toml"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        load_suppliers(written(tmp_path, TABLE.replace(*change)))


def test_every_field_is_documented_with_its_default() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("## Reasons")[0]
    told = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert told == set(SupplierConfiguration.model_fields)
    for name, field in SupplierConfiguration.model_fields.items():
        default = "must be given" if field.is_required() else field.default
        shown = "" if default is None else default if isinstance(default, str) else f"`{_toml(default)}`"
        assert f"| `{name}` | {shown} | {field.description} |" in page, name


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_every_reason_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (yes|no) \|", page, re.MULTILINE))
    assert told == {reason.value: "yes" if reason.cuts_off else "no" for reason in Reason}


def test_examples_load(tmp_path: Path) -> None:
    pages = (PAGE, ROOT / "docs" / "how-to" / "connect-a-remote-supplier.md")
    examples = [b for page in pages for b in blocks(page, "toml") if "[supplier." in b.text]
    assert len(examples) == 2
    for example in examples:
        assert tomllib.loads(example.text)
        assert load_suppliers(written(tmp_path, example.text)).keys() == {"National Register"}
