"""The platform over HTTPS: lists, files in parts, vouchers, acknowledgements (RP-18).

Of the environment nothing is used (no proxy, no certificates of the system). No redirect is followed, no cookie kept,
no compressed answer accepted. What breaks off is tried again, within bounds; a file goes on where it broke off, as long
as the platform says that it is still the same one.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, BinaryIO, Final, Self
from urllib.parse import urlsplit

import httpx

from kruispunt.errors import ConfigurationError
from kruispunt.files.atomic import written_whole
from kruispunt.files.voucher import Content, voucher_of
from kruispunt.receive.checking import content, refuse_store
from kruispunt.receive.problems import NotReceived, Problem
from kruispunt.receive.source import name_of
from kruispunt.unreached import cause_of

LARGEST_ANSWER: Final = 1 << 20
"""Bytes of a list, a voucher or an error."""
PAGE: Final = 100
"""Files in one list."""
ATTEMPTS: Final = 6
"""Of one request, when the platform is away; of a file, without at least `PROGRESS` bytes more."""
PROGRESS: Final = 1 << 20
LONGEST_PAUSE: Final = 60.0
"""Seconds, whatever `Retry-After` says."""
SLOWEST: Final = 10_000
"""Bytes in a second: a platform that sends less for long is not waited for."""
_PATIENCE: Final = 120.0
"""Seconds that any answer may take."""
_TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time, passed in: a monotonic clock in seconds, and a way to wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


class _Away(Exception):
    """No answer, or one that says to come back; `seconds` to wait if it says so."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class HttpsSource:
    """One subscription at one platform, such as `https://localhost:4520`. Files are put into `directory`."""

    def __init__(self, url: str, context: ssl.SSLContext, code: str, directory: Path, waiting: Waiting) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ConfigurationError(f"--url: {url!r} is no https address such as https://localhost:4520")
        self._home = f"{url.rstrip('/')}/mutations/v1/subscriptions"
        self._code, self._directory, self._waiting = code, directory, waiting
        self._offered: dict[int, Content] = {}
        self._client = httpx.Client(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(60, connect=10),
            headers={"Accept-Encoding": "identity", "User-Agent": "kruispunt-receive"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def offered(self, after: int) -> Iterator[int]:
        """See `Source`. Looks first whether the platform went back to an earlier state."""
        self._check_last(after)
        while True:
            answer = self._asked("GET", f"/{self._code}/files?after={after}&limit={PAGE}")
            self._check_status(answer, {200})
            items = _items(answer)
            for item in items:
                sequence, size, sha256 = item.get("sequence"), item.get("size"), item.get("sha256")
                if not isinstance(sequence, int) or sequence <= after:
                    raise _strange("its list of files is not in order")
                after = sequence
                self._offered[sequence] = Content(size if isinstance(size, int) else -1, str(sha256))
                yield sequence
            if not items:
                return

    def voucher(self, sequence: int) -> bytes:
        answer = self._asked("GET", f"/{self._code}/files/{sequence}/voucher")
        self._check_status(answer, {200}, sequence)
        return answer.content

    def content(self, sequence: int) -> Content:
        return self._offered.get(sequence, Content(-1, ""))

    def file(self, sequence: int, signed: Content) -> Path:
        """See `Source`: the one that is kept, if it is whole; else `NAME.part`, which goes on where it broke off."""
        kept = self._directory / name_of(self._code, sequence)
        part = kept.with_name(f"{kept.name}.part")
        if kept.exists() and content(kept) == signed:
            return kept
        with _disk():
            gone_on = part.exists()
            self._fetch(sequence, signed, part)
            if gone_on and content(part) != signed:
                part.unlink()
                self._fetch(sequence, signed, part)
        return part

    def keep(self, sequence: int, file: Path, voucher: bytes) -> Path:
        """See `Source`; the voucher lies there first, so a file in the directory is one whose bytes were right."""
        kept = self._directory / name_of(self._code, sequence)
        with _disk():
            with written_whole(voucher_of(kept)) as target:
                target.write(voucher)
            return file.replace(kept)

    def discard(self, file: Path) -> None:
        with _disk():
            file.unlink(missing_ok=True)

    def acknowledge(self, sequence: int, sha256: str) -> None:
        body = json.dumps({"sha256": sha256}).encode()
        answer = self._asked("PUT", f"/{self._code}/files/{sequence}/acknowledgement", body)
        if answer.status == 409:
            raise NotReceived(
                Problem.REPEATED,
                f"the platform says that its file {sequence} is another one than that which was loaded",
                "Tell the operator of the platform",
                sequence=sequence,
            )
        self._check_status(answer, {200, 204}, sequence)

    def request(self, sequence: int) -> bool:
        """Ask the platform to make an earlier file again; whether it is pushed, and cannot be fetched."""
        answer = self._asked("POST", f"/{self._code}/files/{sequence}/request", b"")
        if answer.status == 410:
            raise NotReceived(
                Problem.MISSING,
                f"the platform cannot make file {sequence} again{answer.told}",
                "Without it, begin a new copy behind it (--first)",
                sequence=sequence,
            )
        self._check_status(answer, {200, 202}, sequence)
        told = _json(answer.content)
        return isinstance(told, dict) and told.get("pushed") is True

    def _check_last(self, last: int) -> None:
        """A subscription that has ended is not listed any more, and its files are still there."""
        answer = self._asked("GET", "")
        self._check_status(answer, {200})
        found = next((item for item in _items(answer) if item.get("code") == self._code), {})
        told = found.get("lastSequence")
        if isinstance(told, int) and told < last:
            raise NotReceived(
                Problem.REPEATED,
                f"the last file of the platform is {told}, and {last} were there: it went back to an earlier state",
                "Load nothing more, and tell the operator of the platform",
            )

    def _fetch(self, sequence: int, signed: Content, part: Path) -> None:
        """Bring `part` to the size that was signed for, or to the end of what the platform has."""
        left = ATTEMPTS
        while True:
            before = part.stat().st_size if part.exists() else 0
            if before > signed.size:
                part.unlink()
                before = 0
            if before == signed.size and before:
                return
            try:
                if self._fetched(sequence, signed, part, before):
                    return
                continue
            except _Away as away:
                reached = part.stat().st_size if part.exists() else 0
                left = ATTEMPTS if reached - before >= PROGRESS else left - 1
                if left <= 0:
                    raise _unreachable(away) from away
                self._pause(ATTEMPTS - left, away)

    def _fetched(self, sequence: int, signed: Content, part: Path, before: int) -> bool:
        """One request; False when what was there before turned out to be of no use, and is gone."""
        headers = {"Range": f"bytes={before}-", "If-Range": f'"{signed.sha256}"'} if before else {}
        with self._exchange("GET", f"/{self._code}/files/{sequence}", headers=headers) as response:
            if response.status_code == 416 or (response.status_code == 206 and not _goes_on(response, before, signed)):
                if not before:
                    raise _strange("it sends a part of a file where all of it was asked for")
                part.unlink()
                return False
            if response.status_code not in (200, 206):
                self._check_status(self._short(response), {200}, sequence)
            until = self._waiting.monotonic() + _PATIENCE + signed.size / SLOWEST
            with _opened(part, response.status_code == 206) as target:
                size = before if response.status_code == 206 else 0
                for block in response.iter_raw():
                    size += len(block)
                    if size > signed.size:
                        part.unlink()
                        raise NotReceived(
                            Problem.ALTERED, "the file is longer than its voucher tells", sequence=sequence
                        )
                    target.write(block)
                    if self._waiting.monotonic() > until:
                        raise _Away("the platform sends too slowly")
                target.flush()
                os.fsync(target.fileno())
        return True

    def _asked(self, method: str, path: str, body: bytes | None = None) -> _Answer:
        """A short answer, asked for again while the platform is away."""
        headers = {} if body is None else {"Content-Type": "application/json"}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._exchange(method, path, headers=headers, content=body) as response:
                    return self._short(response)
            except _Away as away:
                if attempt == ATTEMPTS:
                    raise _unreachable(away) from away
                self._pause(attempt, away)
        raise AssertionError("every attempt ends")

    @contextmanager
    def _exchange(self, method: str, path: str, **more: Any) -> Iterator[httpx.Response]:
        try:
            with self._client.stream(method, self._home + path, **more) as response:
                if response.status_code in _TRY_AGAIN:
                    raise _Away(f"it answers HTTP status {response.status_code}", _seconds(response))
                if response.headers.get("content-encoding", "identity").lower() != "identity":
                    raise _strange("its answer is compressed, which was not asked for")
                yield response
        except (httpx.HTTPError, httpx.StreamError, ssl.SSLError) as error:
            raise _Away(cause_of(error)) from error

    def _short(self, response: httpx.Response) -> _Answer:
        until, content = self._waiting.monotonic() + _PATIENCE, bytearray()
        for block in response.iter_raw():
            content += block
            if len(content) > LARGEST_ANSWER:
                raise _strange(f"its answer has more than {LARGEST_ANSWER:,} bytes")
            if self._waiting.monotonic() > until:
                raise _Away("the platform answers too slowly")
        return _Answer(response.status_code, bytes(content))

    def _pause(self, attempt: int, away: _Away) -> None:
        self._waiting.sleep(min(LONGEST_PAUSE, away.seconds if away.seconds is not None else 2.0 ** (attempt - 1)))

    def _check_status(self, answer: _Answer, good: set[int], sequence: int | None = None) -> None:
        if answer.status in good:
            return
        file = f"file {sequence}" if sequence is not None else "the files"
        told = answer.told
        if answer.status == 410:
            raise NotReceived(
                Problem.MISSING,
                f"the platform no longer keeps {file}{told}",
                f"Ask for it: kruispunt receive again {sequence}",
                sequence=sequence,
            )
        if answer.status == 404 and sequence is not None:
            raise NotReceived(Problem.MISSING, f"the platform has no {file}{told}", sequence=sequence)
        if answer.status in (401, 403, 404):
            raise NotReceived(
                Problem.REFUSED,
                f"the platform does not give {file} of {self._code} (HTTP status {answer.status}){told}",
                "Check --certificate, and with the operator what it is registered for",
            )
        raise _strange(f"it answers HTTP status {answer.status}{told}")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes

    @property
    def told(self) -> str:
        """What the platform says about an error (RFC 9457), as one line."""
        found = _json(self.content)
        texts = [found.get(name) for name in ("title", "detail")] if isinstance(found, dict) else []
        line = ": ".join(text for text in texts if isinstance(text, str))[:300]
        return f": {line}".replace("\n", " ").rstrip(". ") if line else ""


def _opened(part: Path, goes_on: bool) -> BinaryIO:
    """For writing at its end, or from the beginning; readable by the owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if goes_on else os.O_TRUNC)
    return os.fdopen(os.open(part, flags, 0o600), "ab" if goes_on else "wb")


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        refuse_store(f"what comes cannot be written: {error.strerror}")


def _goes_on(response: httpx.Response, before: int, signed: Content) -> bool:
    """Whether the part that came is the one that was asked for, of the file that was signed for."""
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return found is not None and (int(found[1]), int(found[3])) == (before, signed.size)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _items(answer: _Answer) -> list[dict[str, Any]]:
    found = _json(answer.content)
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _strange("its list is not what it should be")
    return items


def _seconds(response: httpx.Response) -> float | None:
    told = response.headers.get("retry-after", "")
    return float(told) if re.fullmatch(r"[0-9]{1,6}", told) else None


def _strange(why: str) -> NotReceived:
    return NotReceived(
        Problem.ANSWER, f"the platform does not answer as it should: {why}", "Check --url; tell the operator"
    )


def _unreachable(away: _Away) -> NotReceived:
    return NotReceived(
        Problem.UNREACHABLE, f"the platform was not reached: {away}", "Start again later: what came is kept"
    )
