"""The key that signs replies, which another one may replace between two replies (PL-07)."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from kruispunt.wss.sign import Signer


class CurrentSigner:
    """Signs with the signer in force; a new one takes its place in one step."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def certificate(self) -> x509.Certificate:
        return self._signer.certificate

    def replace(self, signer: Signer) -> None:
        self._signer = signer

    def envelope(
        self,
        body_inner: str,
        now: datetime,
        *,
        body_attributes: tuple[tuple[str, str], ...] = (),
        confirm: str | None = None,
        canonical: bool = True,
    ) -> bytes:
        """See `Signer.envelope`."""
        return self._signer.envelope(
            body_inner, now, body_attributes=body_attributes, confirm=confirm, canonical=canonical
        )
