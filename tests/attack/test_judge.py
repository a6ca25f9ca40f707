"""The judge finds what an attack may never bring back; the report says so, and the command's exit code follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attack_bench import bench
from kruispunt.attack import report as reports
from kruispunt.attack.answer import NOTHING, Answer
from kruispunt.attack.judge import Judge
from kruispunt.attack.model import Answered, AsValue, Attack, NoTls, Refused, Shot, Status
from kruispunt.attack.run import Report, Result, play, run
from kruispunt.attack.suite import suite
from kruispunt.attack.wire import HANGS, Trap
from kruispunt.client.signing import ClientSecurity
from kruispunt.clock import FixedClock
from kruispunt.errors import KruispuntError
from kruispunt.wss.trust import PinnedCertificates
from kruispunt.xml.build import element
from kruispunt.xml.build import text as escaped
from signed_messages import NOW, rsa_signer

SECURITY = ClientSecurity(rsa_signer(), PinnedCertificates([rsa_signer().certificate]), clock=FixedClock(NOW))
JUDGE = Judge(bench(), SECURITY)
REFUSED = Refused("MSG00015", "signature")


def signed(payload: str, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "text/xml"}, rsa_signer().envelope(payload, NOW))


def fault(code: str = "MSG00015", reason: str = "signature", *, side: str = "Client", more: str = "") -> Answer:
    information = f"<information><fieldName>reason</fieldName>{element('fieldValue', reason)}</information>"
    return signed(
        '<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<faultcode>soapenv:{side}</faultcode><faultstring>x{more}</faultstring><detail>"
        f"<reasonCode>{code}</reasonCode>{information}</detail></s:Fault>",
        500,
    )


def reply(value: str = "DATA_FOUND", ssin: str = "85673099811", more: str = "") -> Answer:
    return signed(
        f"<r><criteria><ssin>{ssin}</ssin></criteria><status><value>{value}</value><code>MSG00014</code></status>{more}</r>"
    )


def trouble(expected: Any, answer: Answer) -> str:
    return JUDGE.trouble(Shot(b"", expected), answer)


def test_a_document_inside_a_text_is_looked_into() -> None:
    def telling(ticket: str) -> Answer:
        return reply(more=element("xml", f"<a><ticket>{escaped(ticket)}</ticket></a>"))

    assert trouble(AsValue("ticket", "'; drop <table>"), telling("'; drop <table>")) == ""
    assert "in pieces" in trouble(AsValue("ticket", "'; drop <table>"), telling("'; drop <table> of 3 rows"))
    assert "elsewhere" in trouble(AsValue("other", "'; drop <table>"), telling("'; drop <table>"))


def test_what_is_right_is_held() -> None:
    assert trouble(REFUSED, fault()) == ""
    assert trouble(Refused("MSG00014"), reply("NO_RESULT", "")) == ""
    assert trouble(Answered(), reply()) == ""
    assert trouble(NoTls(), NOTHING) == ""
    assert trouble(Status(400), Answer(400, {}, b"no")) == ""
    assert trouble(AsValue("ticket", "'; --"), reply(more=element("ticket", "'; --"))) == ""


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (REFUSED, reply()),
        (REFUSED, fault("MSG00003", side="Server")),
        (REFUSED, fault(reason="replay")),
        (REFUSED, fault(side="Server")),
        (REFUSED, replace(fault(), status=200)),
        (REFUSED, fault(more=" 85673099811")),
        (REFUSED, fault(more=" Traceback")),
        (REFUSED, fault(more=" /home/bank/key")),
        (REFUSED, fault(more=" asyncpg")),
        (REFUSED, replace(fault(), raw=fault().raw.replace(b"faultstring>x", b"faultstring>y"))),
        (REFUSED, Answer(500, {"content-type": "text/plain"}, b"oops")),
        (REFUSED, NOTHING),
        (REFUSED, HANGS),
        (NoTls(), HANGS),
        (NoTls(), Answer(200, {}, b"")),
        (Status(400), Answer(200, {}, b"")),
        (Status(404), Answer(404, {}, b"root:x:0:0")),
        (Status(400), NOTHING),
        (Refused("MSG00014"), reply("DATA_FOUND")),
        (Refused("MSG00014"), reply("NO_RESULT", "", "<result>x</result>")),
        (Answered(), reply(ssin="85673099822")),
        (Answered(), reply(ssin="856730")),
        (Answered(), reply("NO_RESULT")),
        (Answered(), fault()),
        (AsValue("ticket", "'; drop table x"), fault("MSG00003", side="Server")),
        (AsValue("ticket", "'; drop table x"), reply(more=element("other", "'; drop table x"))),
        (AsValue("ticket", "'; drop table x"), reply(more=element("ticket", "'; drop table"))),
        (AsValue("ticket", "a</b>c"), reply(more=element("ticket", "a</b>c Traceback"))),
    ],
)
def test_what_is_wrong_is_found(expected: Any, answer: Answer) -> None:
    assert trouble(expected, answer) != ""


class Scripted:
    """A wire with answers that were written before."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def send(self, _shot: Shot) -> Answer:
        return self.answers.pop(0)


def attack(*expected: Any) -> Attack:
    return Attack("wrapping/x", "It tries | something.", lambda _: iter(Shot(b"", e) for e in expected))


def test_an_attack_ends_with_what_goes_wrong() -> None:
    wire: Any = Scripted(reply(), fault(), reply())
    with Trap() as trap:
        result = play(attack(Answered(), REFUSED, REFUSED, REFUSED), bench(), wire, JUDGE, trap)
    assert not result.held
    assert result.expected == "answered as signed, 2 × MSG00015 signature"
    assert result.came_back == "MSG00014, MSG00015 signature, MSG00014"
    assert reports.verdict(result) == "PASSED: answered otherwise: MSG00014"


def test_a_server_that_fetches_is_found() -> None:
    class Fetching(Scripted):
        def send(self, shot: Shot) -> Answer:
            import socket

            socket.create_connection(("127.0.0.1", int(trap.url.rpartition(":")[2])), 10).close()
            return super().send(shot)

    with Trap() as trap:
        wire: Any = Fetching(fault())
        assert play(attack(REFUSED), bench(), wire, JUDGE, trap).trouble == "the server fetched what a message named"


def test_a_server_that_refuses_everything_proves_nothing() -> None:
    for answers in ((fault(),), (reply(), fault()), (reply(), reply(), fault(), fault())):
        wire: Any = Scripted(*answers)
        with Trap() as trap, pytest.raises(KruispuntError, match="proves nothing"):
            run([attack(REFUSED)], bench(), wire, JUDGE, trap)


def test_attacks_without_their_certificate_are_left_out_and_told() -> None:
    chosen = [a for a in suite() if a.name in ("tls/stranger", "wrapping/second-request")]
    wire: Any = Scripted(reply(), reply(), fault(), reply(), reply())
    with Trap() as trap:
        done = run(chosen, bench(), wire, JUDGE, trap)
    assert [result.attack.name for result in done.results] == ["wrapping/second-request"]
    assert [one.name for one in done.left_out] == ["tls/stranger"]
    assert "a trusted certificate that nobody registered" in reports.to_markdown(done)


def test_a_report_shows_what_passed() -> None:
    done = Report((Result(attack(), "MSG00015", "answered", "<answered> | so"),), ())
    assert "1 attacks: 0 held, 1 passed" in reports.to_markdown(done)
    row = "| `x` | It tries \\| something. | MSG00015 | answered | PASSED: &lt;answered> \\| so |"
    assert row in reports.to_markdown(done)
    page = reports.to_html(done)
    assert '<tr class="passed">' in page
    assert "PASSED: &lt;answered&gt; | so" in page
    assert reports.to_json(done)["passed"] == 1
