"""A directory of local copies that several caches share, within a process, between processes or between machines."""

import contextlib
import os
import re
import tempfile
import weakref
from collections.abc import Iterable

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock

_LOCK = ".yt8m_shards.lock"
_LIST = re.compile(r"\.yt8m_shards\.(\w+)\.in_use")
_COPY = re.compile(r"[0-9a-f]{16}-.+", re.DOTALL)
_PARTIAL = re.compile(r"\.[0-9a-f]{16}-.+\.(\w+)\.partial", re.DOTALL)


class CacheDirectory:
    """Manages one cache's copies in a shared directory.

    Each cache keeps a list file of the copies that it uses, locked as long as the cache exists. A directory lock
    guards changes to lists and removals of copies. So a copy that is listed before it is looked up stays, and the lists
    and partial copies of killed processes are removed. Other files in the directory are left alone.

    A copy's name is 16 hexadecimal digits, a hyphen and the name of its source.

    Args:
      directory: path of an existing directory.

    Raises:
      UserError: from the constructor and all methods, when the directory cannot be used.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._used: frozenset[str] = frozenset()
        self._added: set[str] = set()
        with self._locked():
            handle, path = tempfile.mkstemp(".in_use", ".yt8m_shards.", directory)
            self._list, self._number = os.fdopen(handle, "wb"), os.path.basename(path).split(".")[2]
            self._finalizer = weakref.finalize(self, _remove_list, path, self._list)
            lock(handle, wait=True)

    def use(self, names: Iterable[str], limit: int | None) -> None:
        """Sets the copies that this cache uses, and removes copies that no cache uses.

        Args:
          names: names of the used copies, existing or not.
          limit: maximum bytes of unused copies to keep, the most recently used first; None: keep all except those
            that this cache has added.
        """
        with self._locked():
            self._write_list(names)
            self._make_room(limit)

    def use_too(self, name: str) -> None:
        """Adds a copy to those that this cache uses."""
        with self._locked():
            if name not in self._used:
                self._write_list(self._used | {name})

    def path(self, name: str) -> str:
        """Returns the path of a copy, existing or not."""
        return os.path.join(self.directory, name)

    def partial(self, name: str) -> str:
        """Returns the path to which only this cache writes an incomplete copy."""
        return self.path(f".{name}.{self._number}.partial")

    def add(self, name: str, changed: int) -> None:
        """Renames a complete copy from its partial path; changed: time of change of its source, ns."""
        # Before the rename, because another cache may open the copy right after it.
        os.utime(self.partial(name), ns=(changed, changed))
        os.replace(self.partial(name), self.path(name))
        self._added.add(name)

    def touch(self, name: str, changed: int) -> None:
        """Makes a copy the most recently used. The clocks of file systems are too coarse for this."""
        latest = max((s.st_atime_ns for _, s in self._copies()), default=0)
        os.utime(self.path(name), ns=(1 + latest, changed))

    @contextlib.contextmanager
    def _locked(self):
        """Holds the directory lock inside the block."""
        described = f"{self.directory}, with the copies of remote shards"
        try:
            with open(self.path(_LOCK), "ab") as file:
                try:
                    lock(file, wait=True)
                except OSError as error:
                    raise UserError(
                        f"{described}: cannot be locked: {error.strerror}; name a local directory with --cache_dir"
                    ) from error
                yield
        except OSError as error:
            raise UserError(f"{described}: {error.strerror}; run again, or name another with --cache_dir") from error

    def _write_list(self, names):
        self._used = frozenset(names)
        self._list.seek(0)
        self._list.truncate()
        self._list.write(b"\0".join(map(os.fsencode, names)))
        self._list.flush()

    def _make_room(self, limit):
        used_by = dict(self._lists())
        for name in os.listdir(self.directory):
            partial = _PARTIAL.fullmatch(name)
            if partial and partial[1] not in used_by:
                self._remove(name)
        used = set().union(*used_by.values())
        unused = sorted((s.st_atime_ns, s.st_size, name) for name, s in self._copies() if name not in used)
        total = sum(size for _, size, _ in unused)
        for _, size, name in unused:
            if name in self._added if limit is None else total > limit:
                self._remove(name, f".{name}.index", f".{name}.index.ratings")
                total -= size

    def _lists(self):
        """Yields (number, used names) of each live cache; removes the lists of others."""
        for name in os.listdir(self.directory):
            match = _LIST.fullmatch(name)
            names = _read_list(self.path(name)) if match else None
            if match and names is not None:
                yield match[1], names

    def _copies(self):
        """Yields (name, status) of each copy; other processes may remove copies at the same time."""
        for entry in os.scandir(self.directory):
            if _COPY.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat()

    def _remove(self, *names):
        for name in names:
            with contextlib.suppress(OSError):
                os.remove(self.path(name))


def _read_list(path):
    """Returns the names in a list. Removes the list and returns None if its cache no longer exists."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb+") as file:
        try:
            lock(file)
        except Locked:
            return {os.fsdecode(name) for name in file.read().split(b"\0")}
        os.remove(path)
    return None


def _remove_list(path, file):
    for step in (lambda: os.remove(path), file.close):
        with contextlib.suppress(OSError):  # the directory may be gone, or the disk full
            step()
