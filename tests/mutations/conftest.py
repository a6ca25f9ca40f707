from __future__ import annotations

from pathlib import Path

import pytest
import telling

from kruispunt.demo.pki import Pki


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of a platform and of its subscribers."""
    return telling.pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def subscriber(tmp_path: Path, pki: Pki) -> telling.Subscriber:
    (tmp_path / "inbox").mkdir()
    return telling.Subscriber(tmp_path / "inbox", tmp_path / "copy", pki)
