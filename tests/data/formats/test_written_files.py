"""Written files are complete or absent; links, devices and pipes are not replaced."""

import os
import stat
import threading

import numpy as np
import pytest

from yt8m_attention import files
from yt8m_attention.errors import UserError


def write(path, data=b"new"):
    with files.replacing(str(path)) as file:
        file.write(data)


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "file")
    for data in (b"first", b"second"):  # a dangling link, then a link to a file
        write(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "far" / "file").read_bytes() == data
    with pytest.raises(RuntimeError), files.replacing(str(tmp_path / "link")) as file:
        file.write(b"part of the third")
        raise RuntimeError
    assert (tmp_path / "far" / "file").read_bytes() == b"second"
    assert sorted(os.listdir(tmp_path)) == ["far", "link"] and os.listdir(tmp_path / "far") == ["file"]


def test_a_device_is_written_to_and_stays(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # like /dev/null
        device.write_bytes(b"x")
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    write(device)
    assert stat.S_ISCHR(device.stat().st_mode) and os.listdir(tmp_path) == ["null"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_to_and_stays(tmp_path, linked):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    named = tmp_path / "link"
    named.symlink_to(pipe)
    with files.replacing(str(named if linked else pipe)) as file:
        np.savez(file, a=np.arange(3))
    reader.join(20)
    assert found[0].startswith(b"PK") and stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: cannot be written: Is a directory"):
        write(tmp_path)
    assert not os.listdir(tmp_path)
