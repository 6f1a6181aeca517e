"""Output directories that record their command's arguments: before the first file and after the last."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock


def begun_name(command: str) -> str:
    """Returns the name of the file that is written first and removed last. It marks an unfinished run."""
    return f".{command}-begun.json"


class OutputDirectory:
    """A directory that is new, empty, or holds the output of the same command.

    Args:
      output_dir: path of the directory, the value of the flag --output_dir.
      command: name of the command; the marker files are named after it.
      arguments: everything that the result depends on, as JSON values.
    """

    def __init__(self, output_dir: str, command: str, arguments: Mapping[str, Any]) -> None:
        self._output_dir, self._arguments = output_dir, json.loads(json.dumps(arguments))
        self._mark, self._begun = f"{command}.json", begun_name(command)  # the mark exists only when all files do

    def result(self) -> dict[str, Any] | None:
        """Returns the result stored by `end` if the directory is complete; None if the command has to run.

        Raises:
          UserError: when the directory holds anything else, or the output for other arguments.
        """
        try:
            found = os.listdir(self._output_dir)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"--output_dir={self._output_dir}: cannot be read: {error.strerror}") from error
        if self._mark in found:
            mark = self._read_mark()
            if mark.pop("arguments", None) != self._arguments:
                raise UserError(f"--output_dir={self._output_dir}: holds what was made with other arguments, see "
                                f"{self._mark} there; name another directory or remove this one")  # fmt: skip
            return mark
        if found and self._begun not in found:
            raise UserError(f"--output_dir={self._output_dir}: neither empty nor made by this command; name another "
                            "directory")  # fmt: skip
        return None

    def _read_mark(self):
        path = os.path.join(self._output_dir, self._mark)
        try:
            with open(path, encoding="utf-8") as file:
                return dict(json.load(file))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path}: cannot be read as JSON; name another directory or remove this one") from error

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Locks the directory inside the block, and creates it if needed.

        Call `result` again inside the block, because another run may have finished before the lock.

        Raises:
          UserError: when another run holds the lock.
        """
        files.make_directory(self._output_dir, "output_dir")
        handle = os.open(self._output_dir, os.O_RDONLY)
        try:
            try:
                lock(handle)
            except Locked as error:
                what = "another run is writing there"
                raise UserError(f"--output_dir={self._output_dir}: {what}; wait for it, or name another") from error
            except OSError:  # a file system without locks
                pass
            yield
        finally:
            os.close(handle)

    def begin(self) -> None:
        """Marks the directory as an unfinished output of this command."""
        files.write_text(os.path.join(self._output_dir, self._begun), json.dumps(self._arguments) + "\n")

    def end(self, **result: Any) -> None:
        """Marks the directory as complete and stores the result."""
        mark = {"arguments": self._arguments} | result
        files.write_text(os.path.join(self._output_dir, self._mark), json.dumps(mark, indent=1) + "\n")
        self.unmark()

    def unmark(self) -> None:
        """Removes the mark of `begin`."""
        with self.removing():
            os.remove(os.path.join(self._output_dir, self._begun))

    @contextlib.contextmanager
    def removing(self) -> Iterator[None]:
        """Ignores missing files inside the block. A file that cannot be removed raises a UserError."""
        try:
            yield
        except FileNotFoundError:
            pass
        except OSError as error:
            what = f"{error.filename} cannot be removed: {error.strerror}"
            raise UserError(f"--output_dir={self._output_dir}: {what}; remove it, or name another directory") from error
