"""One supplier process for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supplier_elsewhere import Elsewhere, elsewhere


@pytest.fixture(scope="session")
def supplier_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere") / "supplier") as running:
        yield running


@pytest.fixture
def supplier(supplier_process: Elsewhere) -> Elsewhere:
    """It answers well, until told otherwise."""
    supplier_process.answer("well")
    return supplier_process
