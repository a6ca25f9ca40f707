"""`kruispunt doctor` finds what is wrong and says what to do; and what production refuses (PL-08, PL-33)."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from bank import Bank
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from kruispunt.cli import examination, main
from kruispunt.clock import FixedClock
from kruispunt.errors import ConfigurationError
from kruispunt.identifiers.ssin import is_test_band
from kruispunt.storage.database import Database

Report = Callable[..., tuple[int, list[dict[str, str]]]]


@pytest.fixture
def settings(bank: Bank, tmp_path: Path) -> Callable[..., Path]:
    """The settings file of the running bank, with other values."""
    given = tomllib.loads((bank.directory / "kruispunt.toml").read_text())
    local = int(bank.local_url.rsplit(":", 1)[1])

    def written(**changed: Any) -> Path:
        values = {**given, "port": bank.port, "local_port": local, **changed}
        file = tmp_path / "kruispunt.toml"
        lines = [f"{name} = {json.dumps(v if isinstance(v, int | list) else str(v))}" for name, v in values.items()]
        file.write_text("\n".join(lines) + "\n")
        return file

    return written


@pytest.fixture
def report(settings: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> Report:
    def run(**changed: Any) -> tuple[int, list[dict[str, str]]]:
        file = settings(**changed)
        capsys.readouterr()
        code = main.app(["doctor", "--json", "--config", str(file)], standalone_mode=False)
        return code, json.loads(capsys.readouterr().out)

    return run


def bad(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    return [finding for finding in findings if finding["level"] != "ok"]


def own_pair(folder: Path, days: float = 365, bits: int = 2048) -> tuple[Path, Path]:
    """A certificate that signs itself; not of the demo."""
    key = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "own.pem", folder / "own.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    paths[1].chmod(0o600)
    return paths


def test_a_healthy_server(report: Report) -> None:
    code, findings = report()
    assert bad(findings) == []
    assert code == 0
    assert {finding["check"] for finding in findings} == {
        *("settings", "tls", "signing", "client-ca", "expiry", "log-master-key", "database", "durability", "clock"),
        *("migrations", "log-keys", "access", "mutations", "ports", "disk"),
    }


def test_it_prints_for_people_too(settings: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.app(["doctor", "--config", str(settings(tls_key="/absent.key"))], standalone_mode=False) == 2
    printed = capsys.readouterr().out
    assert "FAULT   tls" in printed
    assert "/absent.key" in printed


def faults(found: tuple[int, list[dict[str, str]]]) -> dict[str, str]:
    code, findings = found
    assert code == 2
    wrong = [finding for finding in bad(findings) if finding["level"] == "fault"]
    assert all(finding["todo"] for finding in wrong)
    return {finding["check"]: finding["what"] for finding in wrong}


def test_settings_that_cannot_be_read(report: Report) -> None:
    assert "prot" in faults(report(prot=1))["settings"]


def test_keys_that_others_may_read(report: Report, bank: Bank, tmp_path: Path) -> None:
    for name, check in (("tls_key", "tls"), ("log_master_key_file", "log-master-key")):
        copy = tmp_path / "secret"
        source = bank.pki / "server.key" if check == "tls" else bank.directory / "secrets" / "log-master.key"
        shutil.copy(source, copy)
        copy.chmod(0o644)
        assert "chmod 600" in faults(report(**{name: copy}))[check]


def test_a_key_of_another_certificate(report: Report, bank: Bank) -> None:
    assert "is not the key of" in faults(report(signing_key=bank.pki / "vdab.key"))["signing"]


def test_the_demo_in_production(report: Report) -> None:
    found = faults(report(environment="production"))
    for check in ("tls", "signing", "client-ca", "access"):
        assert "demo PKI" in found[check], check


def test_certificates_that_end(report: Report, tmp_path: Path) -> None:
    certificate, key = own_pair(tmp_path, days=5)
    code, findings = report(signing_certificate=certificate, signing_key=key)
    (finding,) = bad(findings)
    assert code == 1
    assert (finding["level"], finding["check"]) == ("warning", "expiry")
    assert "within 7 days" in finding["what"]
    own_pair(tmp_path, days=-1)
    assert "valid from" in faults(report(signing_certificate=certificate, signing_key=key))["signing"]


def test_a_chain_out_of_order(report: Report, bank: Bank, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes((bank.pki / "server.pem").read_bytes() + (bank.pki / "vdab.pem").read_bytes())
    assert "was not issued by" in faults(report(tls_certificate=chain))["tls"]


def test_another_log_master_key(report: Report, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    main.app(["key", "new-log-master", str(other)], standalone_mode=False)
    assert "is not there" in faults(report(log_master_key_file=other))["log-keys"]


def test_a_database_that_is_away(report: Report) -> None:
    found = faults(report(dsn="postgresql://me:hunter2@127.0.0.1:1/x"))
    assert "hunter2" not in found["database"]


def test_access_files_that_were_not_applied(report: Report, bank: Bank, tmp_path: Path) -> None:
    access = tmp_path / "access"
    shutil.copytree(bank.directory / "access", access)
    text = (access / "certificates.toml").read_text().replace("../pki", str(bank.pki))
    (access / "certificates.toml").write_text(text.replace("urn:kruispunt:demo:vdab", "urn:kruispunt:demo:other"))
    code, findings = report(access_dir=access)
    assert code == 1
    assert [f["check"] for f in bad(findings)] == ["access"]
    assert "kruispunt access apply" in bad(findings)[0]["todo"]


def test_pl_14_access_files_that_are_not_there(report: Report, settings: Callable[..., Path], tmp_path: Path) -> None:
    """Not mounted, say. Nobody is told to put their absence in force, and nobody can."""
    absent = tmp_path / "absent"
    assert str(absent) in faults(report(access_dir=absent))["access"]
    for words in (["check"], ["diff"], ["apply", "--reason", "a test"]):
        with pytest.raises(ConfigurationError, match="every client would be shut out"):
            main.app(["access", *words, "--config", str(settings(access_dir=absent))], standalone_mode=False)


def test_a_disk_without_room(report: Report, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "ROOM", (0, 1 << 60))
    code, findings = report()
    assert (code, {(each["check"], each["level"]) for each in bad(findings)}) == (1, {("disk", "warning")})
    assert bad(findings)[-1]["what"].endswith(f"MB are free for {bank.directory / 'mutations'}")
    assert "no file of subscribers" in bad(findings)[-1]["todo"]
    monkeypatch.setattr(examination, "ROOM", (1 << 60, 1 << 61))
    assert "MB are free" in faults(report())["disk"]


def test_pl_06_a_clock_that_stands_before_what_was_forgotten(fresh_dsn: str) -> None:
    async def found(now: datetime) -> list[examination.Finding]:
        database = await Database.open(fresh_dsn, size=1)
        try:
            return await examination._forgotten(database, None, FixedClock(now))  # type: ignore[arg-type]
        finally:
            await database.close()

    now = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert asyncio.run(found(now)) == []
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute("UPDATE replay_floor SET expires = %s", [now])
    assert asyncio.run(found(now)) == []
    (fault,) = asyncio.run(found(now - timedelta(hours=1)))
    assert fault.level is examination.Level.FAULT
    assert "before 2026-01-31 09:30:00 UTC are refused as replays" in fault.what


def test_a_database_of_a_later_release(report: Report, fresh_dsn: str) -> None:
    """Two releases on one database: nothing is wrong with the dsn."""
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'core_9999' WHERE version_num LIKE 'core_%'")
    code, findings = report(dsn=fresh_dsn)
    (found,) = [each for each in bad(findings) if each["level"] == "fault"]
    assert (code, found["check"]) == (2, "migrations")
    assert "unknown here (core_9999)" in found["what"]
    assert "other servers" in found["todo"]


def test_rp_08_a_file_that_holds_up_others(report: Report, fresh_dsn: str) -> None:
    """Files that were broken off long ago are told; what is loaded just now is not."""
    file = """
        INSERT INTO batch_file
            (owner, sequence, kind, records, size, sha256, voucher, author, day, block, part, received)
        VALUES (999800180, %s, 'INSCRIPTIONS', 9, 9, sha256(''), '', 'urn:x', current_date, 9, 9, %s)
    """
    now = datetime.now(UTC)
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute(
            "INSERT INTO register (owner, name, integrator, author) VALUES (999800180, 'one', false, 'x')"
        )
        connection.execute(file, [7, now])
        connection.execute(file, [8, now - timedelta(days=2)])
    found = [each for each in bad(report(dsn=fresh_dsn)[1]) if each["check"] == "batch"]
    assert [each["what"].split(",")[0] for each in found] == ["file 8 of 0999800180"]


def test_issuers_that_tls_cannot_use(report: Report, tmp_path: Path) -> None:
    """Written by half: what is to be corrected is that file, and not the certificate of the server."""
    half = tmp_path / "ca.pem"
    half.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n")
    _, findings = report(client_ca=half)
    assert {finding["todo"].split(";")[0] for finding in findings if finding["check"] == "tls"} == {f"correct {half}"}


def test_a_port_of_somebody_else(report: Report) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            free = unused.getsockname()[1]
        found = report(port=other.getsockname()[1], local_port=free)
    assert "cannot be used" in faults(found)["ports"]


def test_metric_of_a_running_server(bank: Bank) -> None:
    """Every certificate that is in force: two pairs, the authority, the clients that were registered."""
    text = bank.local("/metrics")[1]
    for kind in ("tls", "signing", "client-ca"):
        assert text.count(f'kruispunt_certificate_expiry_seconds{{kind="{kind}"') == 1
    assert 'kruispunt_certificate_expiry_seconds{kind="client",name="urn:kruispunt:demo:vdab ' in text


# What production refuses.


def test_client_certificates_of_the_demo_are_not_applied_in_production(
    settings: Callable[..., Path], bank: Bank
) -> None:
    file = settings(environment="production")
    for words in (("check",), ("diff",), ("apply", "--reason", "a test")):
        with pytest.raises(ConfigurationError, match=r"certificates\.toml.*demo PKI"):
            main.app(["access", *words, "--config", str(file)], standalone_mode=False)
    for words in (("check",), ("diff",)):
        assert main.app(["access", *words, "--config", str(settings())], standalone_mode=False) in (0, None)
    assert bank.local("/health/ready")[0] == 200


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("people", "import"), "people"),
        (("repertory", "import"), "inscriptions"),
        (("data", "import", "situations"), "situations"),
    ],
)
def test_imports_refuse_test_numbers_in_production(
    settings: Callable[..., Path], bank: Bank, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], name: str
) -> None:
    """The very lines that the demo was made of. Its BIS numbers are of no band: there is none for them."""
    file = bank.directory / "data" / f"{name}.jsonl"
    arguments = [*words, str(file), "--json", "--config", str(settings(environment="production"))]
    code = main.app(arguments, standalone_mode=False)
    report = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    numbers = [[line[field] for field in ("ssin", "replacedBy") if line.get(field)] for line in lines]
    in_band = sum(any(map(is_test_band, named)) for named in numbers)
    assert in_band > 0
    assert (code, report["accepted"], report["refusedCount"]) == (1, len(numbers) - in_band, in_band)
    assert all("test band" in refused["why"] for refused in report["refused"])
