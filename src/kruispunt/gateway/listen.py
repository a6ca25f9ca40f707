"""Sockets for several workers on one port.

Each worker has a socket of its own with SO_REUSEPORT, so that the kernel spreads connections evenly. That option
would also let a second server take a share of the port: so the port is first bound without it, which fails when
anybody listens there.
"""

from __future__ import annotations

import socket

from kruispunt.errors import ConfigurationError


def listen(host: str, port: int, count: int, backlog: int) -> list[socket.socket]:
    """`count` listening sockets on one address; port 0 takes a free one. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    port = _prove_free(family, host, port)
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            one = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((host, port))
            one.listen(backlog)
            one.set_inheritable(True)
    except OSError as error:
        for one in sockets:
            one.close()
        raise _cannot(host, port, error) from error
    return sockets


def _prove_free(family: socket.AddressFamily, host: str, port: int) -> int:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _cannot(host, port, error) from error
        bound: int = probe.getsockname()[1]
        return bound


def _cannot(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot listen on {host}:{port}: {error.strerror}. Is another server running there? Choose another port."
    )
