"""A small disk that tests can fill and make read-only."""

import contextlib
import os
import subprocess

import pytest


class Disk:
    """A separate file system at `path`."""

    def __init__(self, path):
        self.path = path

    def fill(self, left=0):
        """Fills the disk except for `left` bytes."""
        with open(self.path / "filler", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        size = os.path.getsize(self.path / "filler")
        os.truncate(self.path / "filler", max(0, size - left))

    def free(self):
        os.unlink(self.path / "filler")

    def remount(self, how):
        """how: "ro" or "rw"."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True)


@pytest.fixture
def disk(tmp_path):
    """An empty Disk of 8 MiB; skips the test if this user may not mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path]
    done = subprocess.run(mount, capture_output=True, text=True) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip(f"mounting a small disk is not permitted here: {done.stderr.strip() if done else 'not root'}")
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True)
