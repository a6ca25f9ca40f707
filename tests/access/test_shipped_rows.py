"""HA-09, PL-14, PL-21: the starting configuration holds every row of documents 000 and 004, and no other."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from kruispunt.access.files import ServiceRows, load
from kruispunt.access.model import AccessTable
from kruispunt.configured import rows_of
from kruispunt.errors import ConfigurationError
from kruispunt.services import discovery

SERVICES = Path(discovery.__file__).parent
HANDI = "HandiService"
FILE, PAYMENTS = "consultFile", "consultRightsAndPayments"
ROWS = rows_of(tuple(s for s in discovery.discover() if s.name in (HANDI, "ForeignerSituationService")))
DOCUMENT_000 = {
    "0850259834": {"handicapped person AWIPH file"},
    "0244640631": {"CBSS:VALIDATION_AUDIT", "CBSS:INTERNAL_PROCESSING", "CBSS:MONITORING_INTEGRATOR"},
    "0240678477": {
        "FIDUS:SUBSIDY_HANDICAP_ACCOMODATION",
        "FIDUS:SUBSIDY_HANDICAP_EMPLOYMENT",
        "FIDUS:SOCIAL_ACCOMODATION_RENT",
        "FIDUS:MONITORING_INTEGRATOR",
    },
    "0999999922": {"PCSA:SOCIAL_INQUIRY", "PCSA:DEBT_RECOVERY"},
    "0316381138": {
        "assistance to individuals",
        "rent allowance",
        "BCED:SUBSIDY_ENERGY",
        "BCED:MONITORING_INTEGRATOR",
        "BCED:RADIO_TV_TAX_EXEMPTION",
        "BCED:TRAFFIC_TAX_EXEMPTION",
    },
    "0206738078": {"fiscal rebate"},
    "0864484487": {"SPP-IS:SOCIAL_FRAUD_CONTROL", "SPP-IS:PRIMAWEB_SOCIAL_INSPECTION", "SPP-IS:FRONT_DESK"},
    "0316381039": {"relocation allowance"},
    "0316380841": {"exemption of fee registration", "calculation of the scholarship", "VO:MONITORING_INTEGRATOR"},
    "0236506487": {"housing purchase and rental"},
    "0881629733": {"VSB:THAB"},
}
"""The table of document 000, by CBE number; 0999999922 is a centre that belongs to nobody."""
OTHER_SPELLINGS = {
    "CBSS validation": "CBSS:VALIDATION_AUDIT",
    "internal processing": "CBSS:INTERNAL_PROCESSING",
    "social inquiry": "PCSA:SOCIAL_INQUIRY",
    "debt recovery": "PCSA:DEBT_RECOVERY",
    "assitance to individuals": "assistance to individuals",
    "social fraud": "SPP-IS:SOCIAL_FRAUD_CONTROL",
    "THAB": "VSB:THAB",
    "VSB:TABH": "VSB:THAB",
}
CENTRE = '[[organisation]]\ncode = "ocmw-nowhere"\nname = "OCMW Nowhere"\ncbe = "0999999922"\ncategory = "cpas"\n'


@pytest.fixture
def table(tmp_path: Path) -> AccessTable:
    """What ships, with one centre for social welfare added as an operator adds it."""
    (tmp_path / "organisations.toml").write_text(CENTRE, encoding="utf-8")
    return load(tmp_path, ROWS)


def test_ha09_every_row_of_document_000_and_no_other(table: AccessTable) -> None:
    granted: dict[str, set[str]] = {}
    for (service, _, code, context), grant in table.grants.items():
        if service == HANDI:
            assert OTHER_SPELLINGS.get(context, context) == grant.legal_context
            granted.setdefault(str(table.organisations[code].cbe), set()).add(grant.legal_context)
            assert grant.source.startswith("000")
            assert grant.integration is not None, "integration control applies (HA-08a)"
    assert granted == DOCUMENT_000


def test_ha09_the_old_spelling_opens_what_the_new_one_opens(table: AccessTable) -> None:
    for old, new in OTHER_SPELLINGS.items():
        for code, operation in product(table.organisations, (FILE, PAYMENTS)):
            assert table.grant(HANDI, operation, code, old) is table.grant(HANDI, operation, code, new)
    assert {c for (s, _, _, c) in table.grants if s == HANDI} == set(OTHER_SPELLINGS) | set().union(
        *DOCUMENT_000.values()
    )


def test_ha09_rights_and_payments_only_where_a_group_of_them_may_be_seen(table: AccessTable) -> None:
    for (service, operation, code, context), grant in table.grants.items():
        if service == HANDI:
            assert grant.data_groups
            both = table.grant(HANDI, PAYMENTS, code, context) is not None
            assert both == bool(grant.data_groups & {"rights", "payments"}), (code, context)
            assert operation == FILE or both


def test_ha09_social_cards_were_added_for_vsb(table: AccessTable) -> None:
    """The revision history of document 000 tells this one data group."""
    grant = table.grant(HANDI, FILE, "vsb", "VSB:TABH")
    assert grant is not None
    assert "socialCards" in grant.data_groups


def test_pl21_every_row_of_document_004(table: AccessTable) -> None:
    contexts = {
        (str(table.organisations[code].keys[-1]), context)
        for (service, _, code, context) in table.grants
        if service == "ForeignerSituationService"
    }
    assert contexts == {
        ("18/0", "NEO:UNEMPLOYMENT"),
        ("18/1", "NEO:UNEMPLOYMENT"),
        ("18/2", "NEO:SOCIAL_INSPECTION"),
        ("0887010362", "VDAB:DOSSIER_MANAGEMENT"),
        ("0887010362", "VDAB :DOSSIER_MANAGEMENT"),
    }
    assert table.organisations["onem"].cbe == "0206737484"


def test_no_centre_ships_and_without_one_nobody_has_their_contexts() -> None:
    table = load(None, ROWS)
    assert not [key for key in table.grants if key[3].startswith("PCSA:")]
    assert table.grants


def test_every_centre_asks_under_its_own_number(tmp_path: Path) -> None:
    second = CENTRE.replace("ocmw-nowhere", "cpas-nulle-part").replace("0999999922", "0999999823")
    (tmp_path / "organisations.toml").write_text(CENTRE + second, encoding="utf-8")
    table = load(tmp_path, ROWS)
    for code in ("ocmw-nowhere", "cpas-nulle-part"):
        assert table.grant(HANDI, FILE, code, "PCSA:SOCIAL_INQUIRY") is not None
    assert table.named("0999999922") is not table.named("0999999823")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CENTRE.replace('"cpas"', '"centres"'), "category names centres, which no row has"),
        (CENTRE.replace("ocmw-nowhere", "cpas"), "cpas is both an organisation and a category"),
        ('[[category]]\ncode = "onem"\nname = "X"\n', "onem is both an organisation and a category"),
        ('[[category]]\ncode = "a"\nname = "X"\n' * 2, "occurs twice"),
        (CENTRE.replace("0999999922", "0850259834"), "both claim 0850259834"),
    ],
)
def test_a_category_that_makes_no_sense_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "organisations.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        load(tmp_path, ROWS)


def test_a_centre_and_its_category_in_one_context_stand_there_twice(tmp_path: Path) -> None:
    (tmp_path / "organisations.toml").write_text(CENTRE, encoding="utf-8")
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants" / "handi.toml").write_text(
        '[[grant]]\norganisations = ["cpas", "ocmw-nowhere"]\nlegal_context = "A"\noperations = ["consultFile"]\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match="stands there twice"):
        load(tmp_path, ROWS)


def test_services_may_ship_the_same_organisation_but_not_two_readings_of_it(tmp_path: Path) -> None:
    shipped = (SERVICES / "handi" / "organisations.toml").read_text(encoding="utf-8")
    other = tmp_path / "organisations.toml"
    rows = (*ROWS, ServiceRows("other", "OtherService", frozenset(), tmp_path / "contexts.toml"))
    other.write_text(shipped, encoding="utf-8")
    assert load(None, rows).organisations == load(None, ROWS).organisations
    other.write_text(shipped.replace("AWIPH", "AVIQ"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="awiph ships elsewhere already"):
        load(None, rows)
