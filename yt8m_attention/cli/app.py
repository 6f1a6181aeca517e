"""From a command line to an exit status: how every command starts, ends and fails.

Standard output carries the result, one JSON object on its last line; everything else goes to standard error.
Exit status 0: done. 2: wrong use or bad input, reported in one line. 1: a bug of this project, with its traceback.
"""

import atexit
import contextlib
import faulthandler
import io
import json
import logging
import math
import os
import re
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from absl import flags

from yt8m_attention import progress
from yt8m_attention.cli import options
from yt8m_attention.cli.options import Groups
from yt8m_attention.config import Options, option
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Output(Options):
    """Output that every command writes."""

    quiet: bool = option(False, "write nothing to standard error but errors", changes_scores=False)


def run(main: Callable[[], dict[str, Any]], description: str | None, groups: Groups = ()) -> None:
    """Parses the command line, calls main() and exits.

    Args:
      main: called without arguments once FLAGS are parsed; returns the result, a dict that JSON can hold.
      description: text above the flags in `--help`; the entry point's docstring.
      groups: the command's options, as options.define takes them.
    """
    _guard_streams()
    faulthandler.enable()  # a mapped file that is truncated while it is read kills the process; this shows where
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads it when it is first imported
    try:
        define(groups)
        status = _status(main, description, sys.argv)
    except Exception:
        traceback.print_exc()
        status = 1
    _end(status)


def define(groups: Groups) -> None:
    """Defines the flags of a command, and those that every command has."""
    options.define((*groups, Output))


def _end(status):
    """Ends the process after the atexit functions, without the interpreter's own shutdown.

    The shutdown would wait for threads of TensorFlow or of ours, or end them by force, such as a download of shards
    that is no longer needed.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # there is none, or it takes nothing more
            stream.flush()
    os._exit(status)


class _ForResult(io.FileIO):
    """Standard output: a failed write loses the result, so it is an error."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for the buffers above this
            raise UserError(
                f"standard output: cannot be written: {error.strerror}; free space, or give another"
            ) from error


class _ForPeople(io.FileIO):
    """Standard error: a failed write loses messages for people only, so it is ignored."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError:
            return len(data)


_unguarded: list[IO[str]] = []  # a stream without references would close its file


def _guard_streams():
    for name, kind in (("stdout", _ForResult), ("stderr", _ForPeople)):
        stream = getattr(sys, name)
        if stream is not None:  # None: the caller closed it
            _unguarded.append(stream)
            raw = kind(stream.fileno(), "w", closefd=False)
            guarded = io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)
            setattr(sys, name, guarded)


def _status(main, description, argv):
    # A package that runs as a command goes by its own name.
    name = os.path.basename(argv[0].removesuffix(f"{os.sep}__main__.py")).removesuffix(".py")
    progress.log_to_console()  # before --quiet is known: a wrong flag is an error to show
    try:
        if any(a in ("--help", "-help", "-h", "--helpfull", "--helpshort") for a in argv[1:]):
            print(f"{(description or '').strip()}\n\n{help_text()}", flush=True)
            return 0
        parse(argv)
        progress.log_to_console(FLAGS.quiet)
        print(json_line(main()), flush=True)
    except (UserError, flags.Error) as error:
        logger.error(f"{name}: {_one_line(error)}")
        return 2
    except KeyboardInterrupt:
        logger.error("interrupted")
        return 130
    except Exception as error:
        if not (isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"):
            raise
        # TensorFlow's message begins with the operation, in bold.
        what = re.sub(r"\x1b\[[\d;]*m|\{\{.*?\}\}", "", _one_line(error))[:200]
        logger.error(f"{name}: out of memory; give smaller --batch_size, --num_frames, --num_classes, "
                     f"--hidden_size, another --model, or free some: {what}")  # fmt: skip
        return 2
    return 0


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
    """Keeps imports inside the block, above all TensorFlow, from writing to standard error.

    TensorFlow's libraries print lines that no setting silences and that would bury the one line that matters. The block
    shows them if an import fails, and shows errors on a machine with an NVIDIA GPU.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
            _look_for_devices()
            shown = [line for line in _lines(written) if line.startswith(b"E") and os.path.exists("/dev/nvidiactl")]
        except BaseException:
            shown = _lines(written)
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            sys.stderr.buffer.writelines(shown)
            sys.stderr.flush()


def _look_for_devices():
    """Makes TensorFlow look for devices now, where its complaint about a missing GPU is not shown.

    Also silences its warning about functions traced for several shapes, which videos of several lengths cause.
    """
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.list_physical_devices()
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _lines(file):
    file.seek(0)
    return file.readlines()


def parse(argv: list[str]) -> None:
    """Fills FLAGS from the command line.

    Raises:
      flags.Error: for an unknown flag or a value of the wrong type.
      UserError: for a leftover argument, a value out of range, or a flagfile line that absl would ignore silently.
    """
    for i, argument in enumerate(argv[1:], start=1):
        if argument.startswith(("--flagfile=", "-flagfile=")):
            _check_flagfile(argument.split("=", 1)[1])
        elif argument in ("--flagfile", "-flagfile") and i + 1 < len(argv):
            _check_flagfile(argv[i + 1])
    leftover = FLAGS(argv)[1:]
    if leftover:
        raise UserError(f"argument {leftover[0]!r}: not a flag; flags are written --name=value, lists without blanks")
    for flag in options.ours():
        if flag.value is not None:
            flag.option.check(flag.value)


def _check_flagfile(path, within=()):
    """Refuses flagfile lines that absl misreads without an error.

    A line that is neither flag nor comment would end the flags before it. A comment behind a value would become part of
    the value. A file that names itself has no end.
    """
    within = (*within, os.path.realpath(path))
    if within[-1] in within[:-1]:
        raise UserError(f"--flagfile={path}: names itself, directly or through another file; remove that line")
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--flagfile={path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith(("#", "//")):
            continue
        if not line.startswith("-"):
            raise UserError(f"--flagfile={path}, line {number}: {line!r} is not a flag; write --name=value")
        if " #" in line:
            raise UserError(f"--flagfile={path}, line {number}: a comment behind a value becomes part of it; "
                            "give it a line of its own")  # fmt: skip
        if line.startswith(("--flagfile=", "-flagfile=")):
            _check_flagfile(line.split("=", 1)[1], within)


def effective_flags() -> dict[str, Any]:
    """{flag: value} of the command's options in this run: logged, and saved beside a checkpoint."""
    return {flag.name: flag.value for flag in options.ours() if flag.cls.recorded}


def log_flags(values: dict[str, Any]) -> None:
    """Logs the effective flags in the form of a flagfile."""
    for name, value in values.items():
        if value is not None:
            logger.info(f"--{name}={options.as_text(value)}")


def json_line(result: dict[str, Any]) -> str:
    """Converts a result to one line of JSON; a number that JSON cannot express (NaN, infinity) becomes null."""
    return json.dumps(_plain(result), ensure_ascii=True)


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def help_text() -> str:
    """Describes the command's flags, grouped by the class that declares them."""
    lines, last = [], None
    for cls, flag in options.by_class():
        if cls is not last:
            lines += ["", (cls.__doc__ or "").splitlines()[0]]
            last = cls
        name = f"[no]{flag.name}" if flag.boolean else flag.name
        words = " ".join([flag.option.help, *_notes(flag)])
        lines += [f"  --{name}", *textwrap.wrap(words, 110, initial_indent=8 * " ", subsequent_indent=8 * " ")]
    return "\n".join(lines[1:])


def _notes(flag):
    """Describes the choices or bounds of a flag, and its default."""
    bounds = "|".join(flag.option.choices) if flag.option.choices else options.bounds(flag.option)
    default = options.as_text(flag.default)
    notes = "; ".join(part for part in (bounds, f"default: {default}" if default else "") if part)
    return [f"({notes})"] if notes else []


def _one_line(error):
    return " ".join(str(error).split())
