"""A directory of copies that several caches share, in one process or in many, on one machine or on several."""

import contextlib
import os
import re
import tempfile
import weakref

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock

_LOCK = ".yt8m_shards.lock"
_LIST = re.compile(r"\.yt8m_shards\.(\w+)\.in_use")
_COPY = re.compile(r"[0-9a-f]{16}-.+", re.DOTALL)
_PARTIAL = re.compile(r"\.[0-9a-f]{16}-.+\.(\w+)\.partial", re.DOTALL)


class CacheDirectory:
    """One cache's part in a directory of copies.

    It keeps a list there of the copies that it uses, locked while it lives and no longer. Lists are changed, and copies
    removed, by one cache at a time. So whoever has first listed a copy and then finds it keeps it, and what killed
    processes have used or half written is nobody's any more. All else in the directory is left alone.

    A copy's name is 16 hexadecimal digits, a hyphen and the name of what it is of.

    Args:
      directory: an existing one.

    Raises:
      UserError: here and from all methods, where the directory cannot be used.
    """

    def __init__(self, directory):
        self.directory = directory
        self._used, self._added = frozenset(), set()
        with self._alone():
            handle, path = tempfile.mkstemp(".in_use", ".yt8m_shards.", directory)
            self._list, self._number = os.fdopen(handle, "wb"), _LIST.fullmatch(os.path.basename(path))[1]
            self._gone = weakref.finalize(self, _leave, path, self._list)
            lock(handle, wait=True)

    def use(self, names, limit):
        """Says which copies this cache uses from now on, and removes of those that no cache uses.

        Args:
          names: of the copies, whether they are there or not.
          limit: so many bytes of the others stay, the last used; None: those stay that this cache has not added.
        """
        with self._alone():
            self._say(names)
            self._make_room(limit)

    def use_too(self, name):
        """Says of one more copy that it is used."""
        with self._alone():
            if name not in self._used:
                self._say(self._used | {name})

    def path(self, name):
        """Where a copy is, or would be."""
        return os.path.join(self.directory, name)

    def partial(self, name):
        """Where this cache alone writes a copy, until it is whole."""
        return self.path(f".{name}.{self._number}.partial")

    def add(self, name, changed):
        """Gives a partial copy, now whole, its name and the time of change [ns] of what it is of."""
        os.utime(self.partial(name), ns=(changed, changed))  # beforehand: another cache may have that copy open
        os.replace(self.partial(name), self.path(name))
        self._added.add(name)

    def touch(self, name, changed):
        """Makes a copy the last used: file systems' clocks are too coarse to tell two uses apart."""
        latest = max((s.st_atime_ns for _, s in self._found()), default=0)
        os.utime(self.path(name), ns=(1 + latest, changed))

    @contextlib.contextmanager
    def _alone(self):
        """While inside, no other cache of the directory is."""
        named = f"{self.directory}, with the copies of remote shards"
        try:
            with open(self.path(_LOCK), "ab") as file:
                try:
                    lock(file, wait=True)
                except OSError as error:
                    raise UserError(
                        f"{named}: cannot be locked: {error.strerror}; name a local directory with --cache_dir"
                    ) from error
                yield
        except OSError as error:
            raise UserError(f"{named}: {error.strerror}; run again, or name another with --cache_dir") from error

    def _say(self, names):
        self._used = frozenset(names)
        self._list.seek(0)
        self._list.truncate()
        self._list.write(b"\0".join(map(os.fsencode, names)))
        self._list.flush()

    def _make_room(self, limit):
        said = dict(self._said())
        for name in os.listdir(self.directory):
            partial = _PARTIAL.fullmatch(name)
            if partial and partial[1] not in said:
                self._remove(name)
        used = set().union(*said.values())
        others = sorted((s.st_atime_ns, s.st_size, name) for name, s in self._found() if name not in used)
        total = sum(size for _, size, _ in others)
        for _, size, name in others:
            if name in self._added if limit is None else total > limit:
                self._remove(name, f".{name}.index", f".{name}.index.ratings")
                total -= size

    def _said(self):
        """Yields (number, names in use) of each cache that lives; the others' lists go."""
        for name in os.listdir(self.directory):
            found = _LIST.fullmatch(name)
            names = _living(self.path(name)) if found else None
            if names is not None:
                yield found[1], names

    def _found(self):
        """(name, status) of each copy; somebody may remove some meanwhile."""
        for entry in os.scandir(self.directory):
            if _COPY.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat()

    def _remove(self, *names):
        for name in names:
            with contextlib.suppress(OSError):
                os.remove(self.path(name))


def _living(path):
    """The names that a list holds; None where its cache is gone, and then the list as well."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb+") as file:
        try:
            lock(file)
        except Locked:
            return {os.fsdecode(name) for name in file.read().split(b"\0")}
        os.remove(path)
    return None


def _leave(path, file):
    for leave in (lambda: os.remove(path), file.close):
        with contextlib.suppress(OSError):  # the directory may be gone, or the disk full
            leave()
