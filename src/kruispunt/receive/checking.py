"""Whether a file is the one that must come next, and whether it is what the platform signed for (RP-18)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from kruispunt.errors import AuthenticationRefused, ConfigurationError, DataError, Refusal
from kruispunt.files.voucher import Content, Voucher, content_of, read_voucher
from kruispunt.identifiers import cbe
from kruispunt.identifiers.organisation import OrganisationKey
from kruispunt.receive.copy import Bond
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.told import MUTATIONS, STREAM_ITEMS, TellingFile
from kruispunt.settings import Environment
from kruispunt.wss.policy import STRICT
from kruispunt.wss.structure import locate
from kruispunt.wss.trust import Trust
from kruispunt.xml.parse import parse

PLATFORM: Final = OrganisationKey(cbe.CBSS)
"""Who sends mutation files."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the files of a copy must say of themselves. None: whatever the first one says, and then that."""

    code: str
    environment: Environment | None = None
    receiver: OrganisationKey | None = None
    legal_context: str | None = None
    kind: str | None = None

    def check_fits(self, bond: Bond | None) -> None:
        """The directory is one of this subscription, environment and receiver. Raises ConfigurationError."""
        if bond is None:
            return
        for option, given, known in (
            ("--subscription", self.code, bond.code),
            ("--environment", self.environment, bond.environment),
            ("--receiver", self.receiver, bond.receiver),
        ):
            if given is not None and given != known:
                told = known.value if isinstance(known, Environment) else known
                raise ConfigurationError(
                    f"{option}: the copy in this directory is of {told}; give another directory, or leave it out"
                )

    def bound(self, bond: Bond | None) -> Expected:
        """With what the copy knows; what was given counts before it."""
        if bond is None:
            return self
        return Expected(
            self.code,
            self.environment or bond.environment,
            self.receiver or bond.receiver,
            self.legal_context or bond.legal_context,
            bond.kind,
        )


def verified(data: bytes, trust: Trust, now: datetime) -> Voucher:
    """The voucher in `data`. Raises NotReceived unless the platform signed it.

    The certificates in `trust` are pinned, so one that has ended since is still good for what it signed before: a file
    may be asked for again long after it was made.
    """
    try:
        return _read(data, trust, now)
    except Refusal as refusal:
        raise NotReceived(
            Problem.UNSIGNED,
            f"the voucher is not signed by the platform as it must be: {refusal.why} ({refusal.rule})",
            "If the platform has a new certificate, get it from the operator by a way that you trust, and give it too",
        ) from refusal
    except DataError as error:
        raise NotReceived(Problem.VOUCHER, str(error), "Ask the operator of the platform") from error


def check_voucher(voucher: Voucher, expected: Expected) -> None:
    """It is of this subscription, for this receiver, in this environment. Raises NotReceived."""
    header = voucher.header
    for problem, name, found, wanted in (
        (Problem.SUBSCRIPTION, "of the subscription", voucher.subscription or "(none)", expected.code),
        (
            Problem.ENVIRONMENT,
            "of the environment",
            voucher.environment.value,
            expected.environment and expected.environment.value,
        ),
        (Problem.SENDER, "from", header.sender, PLATFORM),
        (Problem.RECEIVER, "for", header.receiver, expected.receiver),
        (Problem.LEGAL_CONTEXT, "under the legal context", header.legal_context, expected.legal_context),
        (Problem.KIND, "of the kind", voucher.kind, expected.kind),
    ):
        if wanted is not None and found != wanted:
            raise NotReceived(problem, f"the file is {name} {found}, and not {wanted}", _REMEDIES.get(problem, _ASK))
    if voucher.kind not in (MUTATIONS, STREAM_ITEMS):
        raise NotReceived(Problem.KIND, f"files of the kind {voucher.kind} are not read here", _ASK)


def check_turn(voucher: Voucher, wanted: int, last: int, content: Content) -> None:
    """It is the voucher of the file whose turn it is; `content` is that of the file beside it. Raises NotReceived."""
    sequence = voucher.header.sequence
    if sequence == wanted:
        return
    if content != voucher.content:
        raise NotReceived(
            Problem.SWAPPED,
            f"beside file {wanted} lies the voucher of file {sequence}, which is of other bytes",
            _AGAIN,
        )
    if sequence <= last:
        raise NotReceived(
            Problem.REPEATED, f"what came as file {wanted} is file {sequence}, which was loaded before", _AGAIN
        )
    raise NotReceived(Problem.REORDERED, f"what came as file {wanted} is file {sequence}", _AGAIN)


def check_content(found: Content, signed: Content) -> None:
    """The bytes are those that were signed for. Raises NotReceived."""
    if found.size < signed.size:
        raise NotReceived(
            Problem.TRUNCATED, f"the file has {found.size:,} bytes, and its voucher tells {signed.size:,}", _AGAIN
        )
    if found != signed:
        raise NotReceived(Problem.ALTERED, "the file does not have the bytes that its voucher was signed for", _AGAIN)


def check_head(file: TellingFile, voucher: Voucher) -> None:
    """File and voucher say the same of themselves. Raises NotReceived."""
    told = (replace(file.header, ticket=None), file.subscription, file.kind)
    signed = (replace(voucher.header, ticket=None), voucher.subscription, voucher.kind)
    if told != signed:
        raise NotReceived(Problem.HEAD, "the head of the file and its voucher do not say the same", _ASK)


def content(path: Path) -> Content:
    """Size and checksum. Raises NotReceived when the file cannot be read."""
    try:
        return content_of(path)
    except DataError as error:
        refuse_store(str(error))


def refuse_store(why: str) -> NoReturn:
    raise NotReceived(Problem.STORE, why, "See to the disk and the rights of the directory") from None


def _read(data: bytes, trust: Trust, now: datetime) -> Voucher:
    try:
        return read_voucher(data, trust, now, lambda _fingerprint: STRICT).voucher
    except AuthenticationRefused as refusal:
        if refusal.rule != "certificate.expired":
            raise
        created = datetime.fromisoformat(locate(parse(data)).created)
        return read_voucher(data, trust, min(now, created), lambda _fingerprint: STRICT).voucher


_AGAIN: Final = "Ask for it again: kruispunt receive again; if it comes the same, tell the operator of the platform"
_ASK: Final = "Ask the operator of the platform"
_REMEDIES: Final = {
    Problem.SUBSCRIPTION: "Check --subscription, and that each subscription has a directory of its own",
    Problem.ENVIRONMENT: "Check --environment and --url, and that each environment has a directory of its own",
    Problem.LEGAL_CONTEXT: "If the subscription was defined anew under it, and you agreed: give --legal-context",
}
