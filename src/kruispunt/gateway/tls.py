"""The TLS side of the front door, and the proof that it is shut (PL-01)."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from kruispunt.errors import ConfigurationError


def context_for_clients_of(client_ca: Path) -> ssl.SSLContext:
    """TLS 1.2 or later; a client without a certificate of a trusted issuer does not get through the handshake.

    The server's own certificate is still to be loaded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_verify_locations(client_ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS cannot use {client_ca}: {error}") from error
    return context


def prove_closed(host: str, port: int, seconds: float = 5.0) -> None:
    """Connects without a certificate, and raises ConfigurationError unless that is refused.

    In TLS 1.3 the client's handshake ends before the server has judged it: the refusal shows at the first read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), seconds) as raw, context.wrap_socket(raw) as tls:
            tls.sendall(b"GET /?wsdl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            received = tls.recv(1)
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return
    except OSError as error:
        raise ConfigurationError(f"a connection without client certificate was not refused at once: {error}") from error
    if received:
        raise ConfigurationError("a connection without client certificate was served: refusing to start")
