import contextlib
import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.data.record_helpers import data, video, write
from yt8m_attention import config
from yt8m_attention.data import pipeline
from yt8m_attention.data.storage.shard_cache import ShardCache
from yt8m_attention.errors import UserError

SIZE = 100


@pytest.fixture
def remote():
    """Paths of five files of a remote file system."""
    paths = [f"ram://shards/{name}" for name in "abcde"]
    for path in paths:
        put(path, path[-1] * SIZE)
    return paths


def put(path, text):
    if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)  # this file system appends to existing files
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(text)


def copies(directory):
    """Names of the sources of the copies."""
    return {name[-1] for name in os.listdir(directory) if not name.startswith(".")}


def named(directory, part):
    return [name for name in os.listdir(directory) if part in name]


def read(path):
    with open(path) as file:
        return file.read()


def test_copies_are_complete_and_unused_ones_are_removed(remote, tmp_path):
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
    """A directory for temporary directories."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_removed_temporary_directory_is_an_error(remote):
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


def copy_and_wait(directory, cache_dir, ready):
    """Uses a remote shard like a command, and hangs; another shard is partially copied."""
    tempfile.tempdir = directory
    put("ram://killed/z", "z" * SIZE)
    cache = ShardCache(cache_dir)
    copy = cache.local_path("ram://killed/z")
    shutil.copy(copy, cache._copies.partial("0123456789abcdef-half"))
    ready.send(copy)
    signal.pause()


@contextlib.contextmanager
def another_process(directory, cache_dir=None):
    """Yields (path of a copy that a process uses, the process); kills the process at the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow"])
    receiver, sender = context.Pipe(False)
    process = context.Process(target=copy_and_wait, args=(directory, cache_dir, sender), daemon=True)
    process.start()
    try:
        assert receiver.poll(60)
        yield receiver.recv(), process
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_leaves_goes_with_the_next_cache_and_nothing_else(remote, tmp_path, monkeypatch, number):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    kept = [temporary / "yt8m_shards_file", temporary / "yt8m_shards_link", temporary / "other", temporary / "target"]
    kept[0].touch(), kept[1].symlink_to(kept[3]), kept[2].mkdir(), kept[3].mkdir()
    with another_process(str(temporary)) as (copy, process):
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))  # after the start of the processes, which use it too
        alive = ShardCache()
        directory = os.path.dirname(alive.local_path(remote[0]))
        assert os.path.dirname(copy) != directory and os.path.exists(copy)  # as long as its process lives
        os.kill(process.pid, number)
        process.join()
    assert os.path.exists(copy)
    ours = ShardCache().local_path(remote[0])  # this cache is removed at once
    assert not os.path.exists(os.path.dirname(copy)) and not os.path.exists(ours)
    assert {*temporary.iterdir()} == {*kept, type(temporary)(directory)}


def test_a_temporary_directory_that_cannot_be_created_is_an_error(remote, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"none: no directory can be made .*--cache_dir"):
        ShardCache().local_path(remote[0])


def test_a_file_system_without_locks_is_an_error(remote, temporary, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"TMPDIR: no directory .*Function not implemented; .*--cache_dir"):
        ShardCache().local_path(remote[0])
    assert not list(temporary.iterdir())
    with pytest.raises(UserError, match=rf"^{temporary}, .*cannot be locked: .*name a local directory"):
        ShardCache(str(temporary)).local_path(remote[0])


LRU = [f"ram://lru/{name}" for name in "abcde"]


@pytest.fixture(scope="module")
def lru():
    """Writes five files."""
    for path in LRU:
        put(path, path[-1] * SIZE)


@given(uses=st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=3), max_size=8), room=st.integers(0, 6))
def test_those_in_use_stay_and_of_the_others_the_last_used_within_the_limit(lru, tmp_path_factory, uses, room):
    """Each use is by a new cache, which does not know the names of its copies yet."""
    directory, expected = tmp_path_factory.mktemp("cache"), []
    for numbers in map(sorted, uses):
        cache = ShardCache(str(directory), room * SIZE)
        cache.use([LRU[n] for n in numbers])
        others = [n for n in expected if n not in numbers]
        others = others[len(others) - min(room, len(others)) :]
        assert copies(directory) == {"abcde"[n] for n in others + [n for n in expected if n in numbers]}
        for number in numbers:
            cache.local_path(LRU[number])
        expected = others + numbers


PLANS = st.lists(st.tuples(st.integers(0, 2), st.sets(st.integers(0, 4)), st.booleans()), max_size=8)


@given(PLANS, st.integers(0, 3))
def test_what_any_cache_of_a_directory_uses_stays(lru, tmp_path_factory, plans, room):
    """In each step, one of three caches uses some files, or is replaced by a new cache."""
    directory = str(tmp_path_factory.mktemp("cache"))
    caches, used = [ShardCache(directory, room * SIZE) for _ in range(3)], [set(), set(), set()]
    for who, numbers, goes in plans:
        if goes:
            caches[who], numbers = ShardCache(directory, room * SIZE), set()
        caches[who].use([LRU[n] for n in numbers])
        used[who] = {caches[who].local_path(LRU[n]) for n in numbers}
        assert all(map(os.path.exists, set().union(*used)))
    last = ShardCache(directory, room * SIZE)
    last.use(LRU[:1])
    in_use = {path[-1] for path in set().union(*used)} | {"a"}
    assert len(copies(directory) - in_use) <= room


@pytest.mark.parametrize("limit", [0, SIZE, None])
def test_what_another_process_uses_stays_as_long_as_it_lives(remote, tmp_path, limit):
    directory = tmp_path / "cache"
    with another_process(str(tmp_path), str(directory)) as (copy, process):
        cache = ShardCache(str(directory), limit)
        for path in remote[:3]:
            cache.use([path])
            cache.local_path(path)
        assert os.path.exists(copy) and len(named(directory, "half")) == 1
        process.kill()
        process.join()
    cache.use([])
    assert copies(directory) == {0: set(), SIZE: {"c"}, None: {"z"}}[limit]
    assert not named(directory, "half") and len(named(directory, "in_use")) == 1
    del cache
    assert not named(directory, "in_use")


NO_COPIES = ["notes.txt", "train0000.tfrecord", "0123456789abcdef", "0123456789ABCDEF-x", "012345678-x", "in_use",
             ".lock", ".notes.txt.index", ".0.partial"]  # fmt: skip


@given(st.lists(st.sampled_from(NO_COPIES), unique=True))
def test_what_is_no_copy_is_neither_removed_nor_counted(lru, tmp_path_factory, names):
    directory = tmp_path_factory.mktemp("cache")
    for name in names:
        (directory / name).write_text("the user's" * SIZE)
    cache = ShardCache(str(directory), SIZE)
    for path in LRU:
        cache.use([path])
        copy = os.path.basename(cache.local_path(path))
        of_it = {copy, f".{copy}.index", f".{copy}.index.ratings"}
        for name in of_it:
            (directory / name).touch()
    cache.use([])
    del cache
    assert {*os.listdir(directory)} == {*names, *of_it, ".yt8m_shards.lock"}


def test_two_caches_copy_one_file_at_once(remote, tmp_path, monkeypatch):
    """The second starts and ends during the first's copy, which then replaces an open copy."""
    first, second, copyfileobj, paths = ShardCache(str(tmp_path)), ShardCache(str(tmp_path)), shutil.copyfileobj, []

    def meanwhile(source, target, size):
        target.write(source.read(SIZE // 2))
        if not paths:
            paths.append(None)
            paths[0] = second.local_path(remote[0])
            paths.append(os.stat(paths[0]).st_mtime_ns)
        copyfileobj(source, target, size)

    monkeypatch.setattr(shutil, "copyfileobj", meanwhile)
    found = first.local_path(remote[0])
    assert paths == [found, os.stat(found).st_mtime_ns] and read(found) == "a" * SIZE
    assert not named(tmp_path, "partial")


def test_a_cache_holds_one_file_open_however_many_it_uses(remote, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    cache = ShardCache(str(tmp_path), 0)
    cache.use(remote)
    for path in remote:
        cache.local_path(path)
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.fixture
def shards(tmp_path):
    """(pattern of six remote shards of six rated segments each; settings that keep only copies in use)."""
    directory = tmp_path / "shards"
    directory.mkdir()
    for shard in range(6):
        records = [video(6 * shard + n, 10, [n], [(0, n % 3, n % 2)]) for n in range(6)]
        write(directory / f"{shard}.tfrecord", records)
    settings = data(cache_dir=str(tmp_path / "cache"), cache_bytes=1, shuffle_shards=2)
    return f"file://{directory}/*.tfrecord", settings


def train_on(pattern, settings, **phase):
    phase = config.Phase(segment_labels=True, batch_size=3, num_epochs=2, **phase)
    return pipeline.training_batches(pattern, settings, phase, 5)


def taken(batches):
    return [batch["frames"].numpy().tobytes() for batch in batches]


def test_training_goes_on_though_an_evaluation_of_the_same_directory_came_between(shards):
    pattern, settings = shards
    expected = taken(train_on(pattern, settings, holdout_fraction=0.2))
    batches = iter(train_on(pattern, settings, holdout_fraction=0.2))
    found = taken([next(batches)])
    assert taken(pipeline.evaluation_batches(pattern, settings, 3, "rated_segments", 0.2, True))
    assert found + taken(batches) == expected


def test_the_first_batch_waits_only_for_its_shards(shards, monkeypatch):
    drawn, waited, fetch = threading.Event(), [], ShardCache._fetch

    def fetch_later(cache, paths):
        waited.append(drawn.wait(60))
        fetch(cache, paths)

    monkeypatch.setattr(ShardCache, "_fetch", fetch_later)
    batches = iter(train_on(*shards))
    next(batches)
    drawn.set()
    assert taken(batches) and waited and all(waited)


def test_a_later_cache_finds_the_copies_unless_the_file_has_changed(remote, tmp_path):
    first = ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])
    os.truncate(first, SIZE - 1)  # a mark
    assert len(read(ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0]))) == SIZE - 1
    put(remote[0], "longer" * SIZE)
    assert read(ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])) == "longer" * SIZE


def test_without_a_limit_the_copies_of_others_stay(remote, tmp_path):
    ShardCache(str(tmp_path), 10 * SIZE).local_path(remote[0])
    cache = ShardCache(str(tmp_path))
    assert [read(cache.local_path(path))[0] for path in remote[:2]] == ["a", "b"]
    cache.use([])
    assert copies(tmp_path) == {"a"}


def test_an_incomplete_copy_is_an_error(remote, tmp_path):
    cache = ShardCache(str(tmp_path), 0)
    with pytest.raises(UserError, match="ram://shards/none: cannot be copied"):
        cache.local_path("ram://shards/none")
    cache._name(remote[0])
    put(remote[0], "cut")
    with pytest.raises(UserError, match="ram://shards/a: offset 3: the copy ends here, 100 bytes were expected"):
        cache.local_path(remote[0])
    assert not copies(tmp_path) and not named(tmp_path, "partial")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--cache_dir=.*file/in: cannot be made"):
        ShardCache(str(tmp_path / "file" / "in"))
