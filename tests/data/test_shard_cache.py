import multiprocessing
import os
import shutil
import signal
import tempfile

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.data.shard_cache import ShardCache
from yt8m_attention.errors import UserError

SIZE = 100


@pytest.fixture
def remote():
    """Paths of five files of a file system that is not this machine's."""
    paths = [f"ram://shards/{name}" for name in "abcde"]
    for path in paths:
        put(path, path[-1] * SIZE)
    return paths


def put(path, text):
    if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)  # this file system appends to what there is
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(text)


def copies(directory):
    """What each copy there is of."""
    return {name[-1] for name in os.listdir(directory)}


def read(path):
    with open(path) as file:
        return file.read()


def test_copies_are_whole_and_those_not_in_use_go(remote, tmp_path):
    cache = ShardCache(str(tmp_path), 0)
    cache.use(remote[:2])
    cache.fetch_ahead(remote[:2])
    assert [read(cache.local_path(path)) for path in remote[:2]] == ["a" * SIZE, "b" * SIZE]
    cache.use(remote[1:2])
    assert copies(tmp_path) == {"b"}
    assert cache.local_path("/some/local") == "/some/local"


def test_a_temporary_directory_goes_with_its_cache(remote):
    cache = ShardCache()
    directory = os.path.dirname(cache.local_path(remote[0]))
    assert os.path.isdir(directory)
    del cache
    assert not os.path.exists(directory)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A directory for temporary ones."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_temporary_directory_that_somebody_removes_is_said(remote):
    cache = ShardCache()
    directory = os.path.dirname(cache.local_path(remote[0]))
    shutil.rmtree(directory)
    for again in (lambda: cache.local_path(remote[0]), lambda: cache.use(remote[:1])):
        with pytest.raises(UserError, match=f"^{directory}, .*No such file"):
            again()


def test_local_files_need_no_directory(temporary):
    cache = ShardCache()
    cache.use(["/some/local"])
    cache.fetch_ahead(["/some/local"])
    assert cache.local_path("/some/local") == "/some/local" and not list(temporary.iterdir())


def copy_and_wait(directory, ready):
    """What a command does with a remote shard, for ever."""
    tempfile.tempdir = directory
    put("ram://killed/a", "a" * SIZE)
    cache = ShardCache()
    ready.send(cache.local_path("ram://killed/a"))
    signal.pause()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_leaves_goes_with_the_next_cache_and_nothing_else(remote, tmp_path, monkeypatch, number):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    kept = [temporary / "yt8m_shards_file", temporary / "yt8m_shards_link", temporary / "other", temporary / "target"]
    kept[0].touch(), kept[1].symlink_to(kept[3]), kept[2].mkdir(), kept[3].mkdir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow"])
    receiver, sender = context.Pipe(False)
    process = context.Process(target=copy_and_wait, args=(str(temporary), sender), daemon=True)
    process.start()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))  # now that processes have been made, which use it too
    try:
        assert receiver.poll(60)
        copy = receiver.recv()
        alive = ShardCache()
        alive.local_path(remote[0])
        assert os.path.dirname(copy) != alive._directory and os.path.exists(copy)  # while its process lives
    finally:
        os.kill(process.pid, number)
        process.join()
    assert os.path.exists(copy)
    ours = ShardCache().local_path(remote[0])  # this cache goes at once
    assert not os.path.exists(os.path.dirname(copy)) and not os.path.exists(ours)
    assert {*temporary.iterdir()} == {*kept, type(temporary)(alive._directory)}


def test_where_no_temporary_directory_can_be_made_is_said(remote, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"none: no directory can be made .*--cache_dir"):
        ShardCache().local_path(remote[0])


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 6))
def test_the_least_recently_used_go_first_and_the_limit_holds(tmp_path_factory, uses, room):
    directory, expected = tmp_path_factory.mktemp("cache"), []
    paths = [f"ram://lru/{name}" for name in "abcde"]
    for path in paths:
        if not tf.io.gfile.exists(path):
            put(path, path[-1] * SIZE)
    cache = ShardCache(str(directory), room * SIZE)
    for number in uses:
        cache.use([paths[number]])
        cache.local_path(paths[number])
        expected = [n for n in expected if n != number] + [number]
        expected = expected[-max(room, 1) :]
        assert copies(directory) == {"abcde"[n] for n in expected}


def test_a_later_cache_finds_the_copies_unless_the_file_has_changed(remote, tmp_path):
    first = ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])
    os.truncate(first, SIZE - 1)  # a mark
    assert len(read(ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0]))) == SIZE - 1
    put(remote[0], "longer" * SIZE)
    assert read(ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])) == "longer" * SIZE


def test_without_a_limit_the_copies_of_others_stay(remote, tmp_path):
    ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])
    cache = ShardCache(str(tmp_path))
    cache.local_path(remote[1])
    cache.use([])
    assert copies(tmp_path) == {"a"}


def test_a_file_that_cannot_be_copied_whole_is_said(remote, tmp_path):
    cache = ShardCache(str(tmp_path), 0)
    with pytest.raises(UserError, match="ram://shards/none: cannot be copied"):
        cache.local_path("ram://shards/none")
    cache._name(remote[0])
    put(remote[0], "cut")
    with pytest.raises(UserError, match="ram://shards/a: offset 3: the copy ends here, 100 bytes were expected"):
        cache.local_path(remote[0])
    assert not os.listdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--cache_dir=.*file/in: cannot be made"):
        ShardCache(str(tmp_path / "file" / "in"))
