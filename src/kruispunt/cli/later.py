"""Commands whose modules are imported when they are called or asked about: a start costs what it uses."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from types import CodeType
from typing import Any, Final

import typer.main
from typer.core import TyperCommand, TyperGroup

PLAIN: Final[dict[str, Any]] = {"rich_markup_mode": None}
"""Help is plain text, of commands and groups alike."""


class Standing:
    """Stands for a command in the lists of help and of shells; whatever else is asked, the command itself answers.

    A mix-in of what typer and click each call a command.
    """

    command: Any
    """The command itself, made when it is asked for."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """That of the command itself, which is thereby the one that is parsed, completed and invoked."""
        return self.command.make_context(*given, **named)


class Later(Standing, TyperCommand):
    """A command whose module is imported when it is called or asked about.

    `place` is its function, as `module:name` below this package. `below` are commands of a command that also does
    something by itself. `settings` are those of `typer.Typer.command`.
    """

    def __init__(self, word: str, place: str, *below: Later, **settings: Any) -> None:
        super().__init__(word, **PLAIN)
        self._place = place
        module, _, self._name = place.partition(":")
        self._module = f"{__package__}.{module}"
        self._below, self._settings = below, settings

    @cached_property
    def command(self) -> Any:
        """As typer makes it of the function."""
        function = getattr(import_module(self._module), self._name)
        app = typer.Typer(name=self.name, add_completion=False, **PLAIN)
        if not self._below:
            app.command(self.name, **self._settings)(function)
            return typer.main.get_command(app)
        app.callback(invoke_without_command=True, **self._settings)(function)
        made = typer.main.get_group(app)
        for each in self._below:
            made.add_command(each)
        return made

    def get_short_help_str(self, limit: int = 45) -> str:
        """What a list says of the command: how the docstring of its function begins."""
        self.help = _docstring(self._module, self._name)
        return super().get_short_help_str(limit)


def group(word: str, told: str, *commands: Later) -> TyperGroup:
    """Commands under one word, which does nothing by itself; `told` is its help."""
    return TyperGroup(name=word, help=told, no_args_is_help=True, commands=list(commands), **PLAIN)


def loaded(command: Any) -> Any:
    """The command itself, also of one that only stands for it."""
    return command.command if isinstance(command, Standing) else command


def _docstring(module: str, function: str) -> str:
    """Of a function in a module that is not imported: the first constant of its compiled code."""
    found = find_spec(module)
    assert found is not None
    code = found.loader.get_code(module)  # type: ignore[union-attr]
    told = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == function).co_consts[0]
    return cleandoc(told) if isinstance(told, str) else ""
