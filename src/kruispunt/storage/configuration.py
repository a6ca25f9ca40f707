"""The three configuration files of the embedded server, as text.

They stand beside the data, not in them, are written anew at each start, and the server itself cannot change
them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from kruispunt.storage.account import Account

ROLE = "kruispunt"
"""Owner of the database, without rights over the server."""
ADMINISTRATOR = "postgres"
"""Superuser of the server, for the operator's own tools."""
DATABASE = "kruispunt"
PORT = 5432
"""Only part of the socket's name: the server does not listen on TCP."""
CONNECTIONS = 100
_MB: Final = 1024 * 1024
_LEAST: Final = 128 * _MB
_MOST: Final = 1024 * _MB
_GROUP: Final = Path("/sys/fs/cgroup/memory.max")


def settings(data: Path, socket: Path, access: Path, accounts: Path) -> str:
    """`postgresql.conf`: durable, reached by a socket alone, and a log that holds no data of people.

    Statements, details of errors and parameters are kept out of the log, because they hold numbers and names.
    """
    lines = {
        "data_directory": _quoted(str(data)),
        "hba_file": _quoted(str(access)),
        "ident_file": _quoted(str(accounts)),
        "listen_addresses": "''",
        "port": str(PORT),
        "unix_socket_directories": _quoted('"' + str(socket).replace('"', '""') + '"'),
        "unix_socket_permissions": "0700",
        "max_connections": str(CONNECTIONS),
        "shared_buffers": f"{buffers(_memory()) // _MB}MB",
        "jit": "off",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "replica",
        "client_connection_check_interval": "5s",
        "cluster_name": "kruispunt",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_line_prefix": "'%m [%p] '",
        "log_checkpoints": "off",
        "log_statement": "none",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    return "".join(f"{name} = {value}\n" for name, value in lines.items())


def buffers(memory: int) -> int:
    """A sixteenth of the memory: the server shares the machine, and takes of it only what it has read."""
    return max(_LEAST, min(_MOST, memory // 16))


def access() -> str:
    """`pg_hba.conf`: the operating system says who connects; nobody else does."""
    return f"local all {ROLE},{ADMINISTRATOR} peer map=kruispunt\n"


def accounts(account: Account) -> str:
    """`pg_ident.conf`: root and the server's own account may act for both roles."""
    names = dict.fromkeys((account.name, "root"))
    return "".join(f'kruispunt "{name}" {role}\n' for name in names for role in (ROLE, ADMINISTRATOR))


def first_statements() -> str:
    """What a new server is given, one statement a line, as `postgres --single` reads it."""
    return f"create role {ROLE} login;\ncreate database {DATABASE} owner {ROLE};\n"


def _memory() -> int:
    """Bytes of this machine, or those that a container may have of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_GROUP.read_text()))
    except (OSError, ValueError):  # none, or "max"
        return machine


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
