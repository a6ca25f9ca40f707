"""The commands of `kruispunt`: which words there are, and where the function of each is.

A new command is a function in a file of this package, and a line here.
"""

from __future__ import annotations

from typing import Final

from typer.core import TyperGroup

from kruispunt.cli.later import Later, group

PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""`call` parses its own words: its commands are made from what the services declare."""


COMMANDS: Final[tuple[Later | TyperGroup, ...]] = (
    Later("demo", "demo:demo"),
    Later("call", "call:call", context_settings=PASSED_ON, add_help_option=False),
    Later("serve", "serve:serve"),
    Later("relay", "relay:relay"),
    Later("why", "why:why"),
    Later("doctor", "doctor:doctor"),
    Later("attack", "attack:attack"),
    Later("phonetic", "phonetic:phonetic"),
    group(
        "access",
        "Who may do what: check, compare, apply, look back.",
        Later("check", "access:check"),
        Later("diff", "access:diff"),
        Later("apply", "access:apply"),
        Later("history", "access:history"),
        Later("matrix", "access:matrix"),
    ),
    group(
        "people",
        "People in the registers.",
        Later("register", "registering:register_"),
        Later("update", "registering:update"),
        Later("import", "people:import_"),
        Later("export", "people:export_"),
        Later("replace", "people:replace"),
        Later("cancel", "people:cancel"),
        Later("history", "people:history_"),
        Later("show", "people:show"),
        Later("reindex", "reindexing:reindex"),
    ),
    group(
        "repertory",
        "Registers: who is known to whom, as what, and when.",
        Later("define", "repertory:define"),
        Later("types", "repertory:types"),
        Later("import", "repertory:import_"),
        Later("show", "repertory:show"),
        Later("history", "repertory:history_"),
        Later("undo-replacement", "repertory:undo"),
    ),
    group(
        "batch",
        "Files of inscriptions and deletions.",
        Later("load", "batch:load_"),
        Later("watch", "batch:watch"),
        Later("status", "batch:status_"),
        Later("abandon", "batch:abandon_"),
        Later("voucher", "batch:voucher"),
    ),
    group(
        "mutations",
        "Changes of people, and further streams, for those who subscribed.",
        Later("define", "mutations:define"),
        Later("subscriptions", "mutations:subscriptions_"),
        Later("end", "mutations:end"),
        Later("feed", "feeding:feed"),
        Later("poll", "feeding:poll"),
        Later("distribute", "distribution:distribute_"),
        Later("schedule", "distribution:schedule"),
        Later("status", "distributed:status"),
        Later("again", "distribution:again"),
        Later("told", "distributed:told"),
        Later("push", "pushing:push"),
        Later("pushed", "pushing:pushed"),
        Later("resend", "pushing:resend"),
        Later("collected", "collecting:collected"),
        Later("notes", "collecting:notes"),
    ),
    Later(
        "receive",
        "receive:receive",
        Later("status", "receive:status"),
        Later("again", "receive:again"),
    ),
    group(
        "data",
        "Data of the services' own suppliers.",
        Later("import", "data:import_"),
        Later("kinds", "data:kinds"),
    ),
    group("log", "The security log. Every reading is logged too.", Later("show", "log:show")),
    group("supplier", "Suppliers elsewhere.", Later("status", "supplier:status"), Later("test", "supplier:try_")),
    group("persona", "Personas: how to provoke each code.", Later("list", "persona:list_")),
    group(
        "key",
        "Keys.",
        Later("new-log-master", "key:new_log_master"),
        Later("rotate-log-master", "key:rotate_log_master"),
    ),
)
"""In the order of help. None of their modules is imported."""
