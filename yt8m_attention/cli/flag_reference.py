"""Writes the reference of all flags, docs/flags.md, from the declarations of the options.

  python -m yt8m_attention.cli.flag_reference >docs/flags.md
  python -m yt8m_attention.cli.flag_reference --names eval inference

The second form prints the names of the flags that some commands take, separated by commas.
"""

import importlib
import sys
from typing import NamedTuple

from yt8m_attention.cli import COMMANDS, app, options
from yt8m_attention.config.option import Option

_HEAD = """\
# Flags

Every flag of every command. `python -m yt8m_attention.cli.flag_reference >docs/flags.md` writes this page from the
declarations of the options (`yt8m_attention/config/`); a test checks that it is current.

- A flag is written `--name=value`; a truth value also `--name` and `--noname`; a list without blanks, `a,b,c`.
- `--flagfile=PATH` reads flags from a file, one a line. Lines that start with `#` are comments. The last value of a
  flag wins, so flags behind a flagfile override it.
- Commands that read a trained model take the values of its training run for all flags of "Data", "Sampling" and
  "Features" that are not given.
- Several flags of the YouTube-8M starter code have other names here:
  [Coming from the starter code](coming-from-the-starter-code.md).
"""


class _Row(NamedTuple):
    option: Option
    commands: dict[str, Option]  # that take it, with the option as they declare it


def groups() -> dict[type, dict[str, _Row]]:
    """{declaring class: {flag: row}} over all commands."""
    found: dict[type, dict[str, _Row]] = {}
    for command, module in COMMANDS.items():
        taken = importlib.import_module(f"yt8m_attention.{module}").OPTIONS
        for flag, (cls, option) in options.declared((*taken, app.Output)).items():
            origin = option.declared_by or cls
            row = found.setdefault(origin, {}).setdefault(flag, _Row(option, {}))
            row.commands[command] = option
    return found


def page() -> str:
    """The reference as Markdown."""
    lines = [_HEAD]
    for cls, rows in groups().items():
        lines += [f"## {cls.__name__}", "", (cls.__doc__ or "").splitlines()[0], ""]
        lines += ["| flag | what it sets | values | default | commands |", "|---|---|---|---|---|"]
        lines += [_line(flag, row) for flag, row in rows.items()]
        lines.append("")
    return "\n".join(lines)


def _line(flag, row):
    text = row.option.help.replace("|", "\\|")
    taken = "all" if len(row.commands) == len(COMMANDS) else ", ".join(f"`{name}`" for name in row.commands)
    return f"| `--{flag}` | {text} | {_values(row.option)} | {_defaults(row)} | {taken} |"


def _values(option):
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    if option.kind is bool:
        return "`true`, `false`"
    name = {int: "whole number", float: "number", str: "text"}[option.item]
    name = f"{name}s, separated by commas" if option.kind is tuple else name
    bounds = options.bounds(option)
    return f"{name}, {bounds}" if bounds else name


def _defaults(row):
    """The default, and of commands with another one theirs."""
    texts = {command: options.as_text(option.flag_default) for command, option in row.commands.items()}
    first, *_ = texts.values()
    others = [f"{f'`{text}`' if text else 'none'} ({command})" for command, text in texts.items() if text != first]
    return ", ".join(part for part in (f"`{first}`" if first else "", *others) if part)


def names(commands: list[str]) -> list[str]:
    """The flags of some commands, each once."""
    modules = (importlib.import_module(f"yt8m_attention.{COMMANDS[command]}") for command in commands)
    return list(dict.fromkeys(flag for module in modules for flag in options.declared(module.OPTIONS)))


def main() -> None:
    if sys.argv[1:2] == ["--names"]:
        print(",".join(names(sys.argv[2:])))
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
