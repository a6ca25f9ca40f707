"""Access files: read whole or refused whole, and nothing is granted that no row grants (PL-08, PL-14, PL-21)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from kruispunt.access.files import ServiceRows, load
from kruispunt.access.model import AccessTable, ControlKind, Registration, Volume, may_carry
from kruispunt.configured import rows_of
from kruispunt.errors import ConfigurationError
from kruispunt.services.discovery import discover

SERVICES = rows_of(discover())
FOREIGNER = "ForeignerSituationService"
FINGERPRINT = "ab" * 32
ROW = f"""
[[certificate]]
urn = "urn:example:app"
sha256 = "{FINGERPRINT}"
owner = "onem"
services = ["{FOREIGNER}"]
"""


def loaded(directory: Path, **files: str) -> AccessTable:
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/')}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load(directory, SERVICES)


def test_rows_of_source_004_are_shipped() -> None:
    """PL-21: ONEM, its secondary network and its inspection."""
    table = load(None, SERVICES)
    for operation, organisation in product(
        ("consultEmploymentInfos", "consultSpecialInfos"), ("onem", "onem-secondary")
    ):
        grant = table.grant(FOREIGNER, operation, organisation, "NEO:UNEMPLOYMENT")
        assert grant is not None
        assert grant.integration is not None
        assert grant.integration.kind is ControlKind.ACTIVE
        assert grant.integration.quality_codes == ("902", "1", "4")
        assert grant.source == "004"
    inspection = table.grant(FOREIGNER, "consultSpecialInfos", "onem-inspection", "NEO:SOCIAL_INSPECTION")
    assert inspection is not None
    assert inspection.integration is not None
    assert inspection.integration.kind is ControlKind.ANY
    assert inspection.integration.quality_codes is None


def test_onem_may_name_itself_either_way() -> None:
    table = load(None, SERVICES)
    assert table.named("0206737484") is table.named("18/0")
    assert table.named("18/1") is table.organisations["onem-secondary"]
    assert table.named("18/3") is None


def test_repertory_lines_of_onem_count_for_its_branches() -> None:
    organisations = load(None, SERVICES).organisations
    keys = {organisations[c].inscribed_as for c in ("onem", "onem-secondary", "onem-inspection")}
    assert keys == {"0206737484"}


def test_legal_context_with_a_blank_before_the_colon_is_the_same() -> None:
    table = load(None, SERVICES)
    plain = table.grant(FOREIGNER, "consultSpecialInfos", "vdab", "VDAB:DOSSIER_MANAGEMENT")
    assert plain is not None
    assert plain.source == "ours"
    assert table.grant(FOREIGNER, "consultSpecialInfos", "vdab", "VDAB :DOSSIER_MANAGEMENT") is plain


def test_what_no_row_grants_is_refused() -> None:
    table = load(None, SERVICES)
    granted = {("onem", "NEO:UNEMPLOYMENT"), ("onem-secondary", "NEO:UNEMPLOYMENT")}
    granted |= {("onem-inspection", "NEO:SOCIAL_INSPECTION"), ("vdab", "VDAB:DOSSIER_MANAGEMENT")}
    granted |= {("vdab", "VDAB :DOSSIER_MANAGEMENT")}
    contexts = {context for _, context in granted} | {"", "neo:unemployment", "NEO:UNEMPLOYMENT ", "*"}
    for organisation, context in product(table.organisations, contexts):
        found = table.grant(FOREIGNER, "consultEmploymentInfos", organisation, context)
        assert (found is not None) == ((organisation, context) in granted)


def test_operator_rows_replace_those_that_ship(tmp_path: Path) -> None:
    services = {service for service, *_ in loaded(tmp_path, grants__foreigner_situation="").grants}
    assert FOREIGNER not in services
    assert "HandiService" in services, "the rows of others stay"


def test_operator_organisation_may_replace_one_that_ships(tmp_path: Path) -> None:
    text = '[[organisation]]\ncode = "vdab"\nname = "Other"\nsector = 25\ninstitution = 0\n'
    assert loaded(tmp_path, organisations=text).organisations["vdab"].keys == ("25/0",)


def test_certificate_acts_for_its_owner_by_default(tmp_path: Path) -> None:
    registration = loaded(tmp_path, certificates=ROW).registered(FINGERPRINT)
    assert registration is not None
    assert registration.acts_for == {"onem"}
    assert not registration.sha1
    assert not registration.unsigned_token


def test_gateway_carries_only_whom_it_names() -> None:
    def application(urn: str, *carries: str) -> Registration:
        return Registration(urn, "", "onem", frozenset(), frozenset(), frozenset(carries))

    gateway, inside, other = application("urn:x:gw", "urn:x:in"), application("urn:x:in"), application("urn:x:other")
    assert may_carry(inside, inside)
    assert may_carry(gateway, inside)
    assert not may_carry(gateway, other)
    assert not may_carry(inside, gateway)


ORGANISATION = '[[organisation]]\ncode = "x"\nname = "X"\n'
GRANT = '[[grant]]\norganisations = ["onem"]\nlegal_context = "A:B"\noperations = ["consultSpecialInfos"]\n'


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("certificates", "[[certificate", "certificates.toml"),
        ("certificates", ROW.replace("onem", "nobody"), "organisation nobody is in no organisations.toml"),
        ("certificates", ROW.replace(FOREIGNER, "Other"), "service Other does not exist"),
        ("certificates", ROW + "sha1 = 1\n", "certificate.1.sha1"),
        ("certificates", ROW + "colour = 'red'\n", "certificate.1.colour"),
        ("certificates", ROW + ROW, "is also that of"),
        ("certificates", ROW + "certificate = 'a.pem'\n", "either certificate"),
        ("certificates", ROW.replace(f'sha256 = "{FINGERPRINT}"', "certificate = 'a.pem'"), "a.pem"),
        ("organisations", ORGANISATION, "give a cbe number"),
        ("organisations", ORGANISATION + 'cbe = "0206737485"\n', "organisation.1"),
        ("organisations", ORGANISATION + "sector = 18\n", "go together"),
        ("organisations", ORGANISATION + 'cbe = "0206737484"\n', "both claim"),
        ("organisations", (ORGANISATION + "sector = 1\ninstitution = 1\n") * 2, "occurs twice"),
        ("organisations", ORGANISATION + 'sector = 1\ninstitution = 1\ninscribed_as = "y"\n', "no row has"),
        ("grants__foreigner_situation", GRANT.replace("onem", "nobody"), "organisation nobody"),
        ("grants__foreigner_situation", GRANT.replace("consultSpecialInfos", "all"), "has no operation all"),
        ("grants__foreigner_situation", GRANT + 'data_groups = ["cards"]\n', "has no data group cards"),
        ("grants__foreigner_situation", GRANT * 2, "stands there twice"),
        ("grants__foreigner_situation", GRANT + 'integration = { kind = "none" }\n', "integration.kind"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint.replace(".", r"\.")):
        loaded(tmp_path, **{name: text})


def test_a_new_service_grants_nobody(tmp_path: Path) -> None:
    rows = ServiceRows("new", "NewService", frozenset({"ask"}), tmp_path / "contexts.toml")
    assert not load(None, (rows,)).grants


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("", None),
        ("volume = { per_day = 0 }", Volume(0)),
        ("volume = { per_day = 50000, burst = 50 }", Volume(50_000, 50)),
    ],
)
def test_volume_is_read(tmp_path: Path, text: str, volume: Volume | None) -> None:
    table = loaded(tmp_path, certificates=ROW + text)
    assert table.registrations[FINGERPRINT].volume == volume


@pytest.mark.parametrize(
    "wrong",
    [
        "volume = 5",
        "volume = {}",
        "volume = { burst = 5 }",
        "volume = { per_day = -1 }",
        "volume = { per_day = 1.5 }",
        "volume = { per_day = 5, burst = 0 }",
        "volume = { per_day = 5, per_hour = 1 }",
        "volume = { per_day = 1000000001 }",
    ],
)
def test_volume_that_makes_no_sense_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"certificates\.toml.*volume"):
        loaded(tmp_path, certificates=ROW + wrong)


@pytest.mark.parametrize("other", ["", "volume = { per_day = 6 }"])
def test_all_certificates_of_an_application_have_one_volume(tmp_path: Path, other: str) -> None:
    renewed = ROW.replace(FINGERPRINT, "cd" * 32)
    same = "volume = { per_day = 5 }"
    table = loaded(tmp_path, certificates=ROW + same + renewed + same)
    assert {r.volume for r in table.registrations.values()} == {Volume(5)}
    with pytest.raises(ConfigurationError, match="urn:example:app: its rows differ in volume"):
        loaded(tmp_path, certificates=ROW + same + renewed + other)
