"""A directory that a command fills once: what it was made with is noted before the first file and after the last."""

import contextlib
import json
import os

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock


def begun_name(command):
    """The file that is written first and removed in the end: where it is, a run was killed before its end."""
    return f".{command}-begun.json"


class OutputDirectory:
    """A directory that is new, empty, or holds what the same command wrote.

    Args:
      output_dir: the directory, the value of the flag --output_dir.
      command: its name, which the marks are called after.
      arguments: all that the result depends on, as JSON holds it.
    """

    def __init__(self, output_dir, command, arguments):
        self._output_dir, self._arguments = output_dir, json.loads(json.dumps(arguments))
        self._mark, self._begun = f"{command}.json", begun_name(command)  # where the mark is, all is

    def result(self):
        """What `end` was told when the directory was made with these arguments; None where it has to be made.

        Raises:
          UserError: where it holds anything else.
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
    def alone(self):
        """Inside, no other run fills the directory, which is made where it is not there. Ask for `result` again there:
        another run may have ended in the meantime.

        Raises:
          UserError: where another run is inside.
        """
        files.make_directory(self._output_dir, "output_dir")
        held = os.open(self._output_dir, os.O_RDONLY)
        try:
            try:
                lock(held)
            except Locked as error:
                what = "another run is writing there"
                raise UserError(f"--output_dir={self._output_dir}: {what}; wait for it, or name another") from error
            except OSError:  # a file system without locks
                pass
            yield
        finally:
            os.close(held)

    def begin(self):
        """Marks the directory as ours."""
        files.write_text(os.path.join(self._output_dir, self._begun), json.dumps(self._arguments) + "\n")

    def end(self, **result):
        """Notes that all is there, with what came of it."""
        mark = {"arguments": self._arguments} | result
        files.write_text(os.path.join(self._output_dir, self._mark), json.dumps(mark, indent=1) + "\n")
        self.unmark()

    def unmark(self):
        """Takes back what `begin` has noted."""
        with self.removing():
            os.remove(os.path.join(self._output_dir, self._begun))

    @contextlib.contextmanager
    def removing(self):
        """Inside, what is not there is as good as removed, and what cannot be removed is said."""
        try:
            yield
        except FileNotFoundError:
            pass
        except OSError as error:
            what = f"{error.filename} cannot be removed: {error.strerror}"
            raise UserError(f"--output_dir={self._output_dir}: {what}; remove it, or name another directory") from error
