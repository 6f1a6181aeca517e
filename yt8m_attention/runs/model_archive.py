"""A trained model in one file: a `.tgz` archive of the files that a training directory needs to be read.

    run.json  vocabulary.csv  segment_label_ids.csv  checkpoints/step-00001000.npz

The checkpoint holds the weights alone, without the optimizer's state. An archive comes from anywhere, so reading one
trusts nothing in it but the bytes of files with these names, up to a size.
"""

import gzip
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO

from yt8m_attention import files
from yt8m_attention.data.storage.temporary_directory import TemporaryDirectory
from yt8m_attention.errors import UserError
from yt8m_attention.runs import checkpoints, model_state
from yt8m_attention.runs.restore import Trained

_WRITTEN = ("run.json", "vocabulary.csv", "segment_label_ids.csv")
_TEXTS = (*_WRITTEN, "scores.json")
_CHECKPOINT = re.compile(r"checkpoints/step-\d{8,12}\.npz", re.ASCII)
_OF_THE_STARTER_CODE = re.compile(r"(.*/)?(model_flags\.json|[^/]*inference_model\..*)", re.DOTALL)
_MEMBERS = 16  # more are no model
_LARGEST_TEXT, _LARGEST_CHECKPOINT = 64 << 20, 16 << 30  # bytes
_CHUNK = 1 << 20
_ADVICE = "give a file that --output_model_tgz wrote"


def write(path: str, trained: Trained, train_dir: str) -> None:
    """Writes a trained model as an archive, complete or absent; equal models give equal bytes.

    Args:
      path: the archive.
      trained: the model, with the weights to write.
      train_dir: the directory that it was read from.

    Raises:
      UserError: when the file cannot be written.
    """
    temporary = TemporaryDirectory("yt8m-archive-")
    arrays = model_state.arrays(model_state.variables(trained.model))
    checkpoint = checkpoints.save(temporary.path, trained.meta["step"], arrays, trained.meta)
    sources = {name: os.path.join(train_dir, name) for name in _WRITTEN}
    sources[os.path.relpath(checkpoint, temporary.path)] = checkpoint
    with (
        files.replacing(path) as file,
        # Level 1: floating-point numbers hardly get smaller.
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, source in sources.items():
            if os.path.exists(source):
                _add(archive, name, source)


def _add(archive, name, source):
    """Adds a file's name, size and bytes, and nothing else that is known of it."""
    with open(source, "rb") as file:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(file.fileno()).st_size
        archive.addfile(member, file)


def read(path: str, directory: str) -> None:
    """Fills a directory with the model in an archive; the directory then reads as a training directory does.

    Args:
      path: the archive, as `write` makes it.
      directory: new or empty, or filled from the same archive before.

    Raises:
      UserError: when the archive cannot be read or holds anything that is no part of a model, or the directory holds
        other files.
    """
    named, directory = f"--input_model_tgz={path}", os.path.realpath(directory)
    files.make_directory(os.path.dirname(directory), "untar_model_dir")
    try:
        folder = tempfile.mkdtemp(prefix=".yt8m-model-", dir=os.path.dirname(directory))
    except OSError as error:
        raise UserError(f"--untar_model_dir={directory}: cannot be made: {error.strerror}; name another") from error
    try:
        _extract(path, folder, named)
        if os.path.isdir(directory) and os.listdir(directory):
            if not _same(folder, directory):
                raise UserError(f"--untar_model_dir={directory}: holds other files; name a new or empty directory")
            return
        with files.writing(directory):
            os.chmod(folder, 0o755)  # mkdtemp's is for the user alone
            os.rename(folder, directory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract(path, folder, named):
    found = set()
    try:
        with _BoundedGzip(path) as packed, tarfile.open(fileobj=packed, mode="r:") as archive:
            for member in _members(archive, named):
                if member.name in found:
                    raise UserError(f"{named}: holds {member.name!r} twice; {_ADVICE}")
                found.add(member.name)
                _copy(archive, member, os.path.join(folder, member.name), named)
            if len(packed.read(_CHUNK)) == _CHUNK:  # reading to the end compares the checksum
                raise tarfile.ReadError("it goes on behind its end")
    except UserError:
        raise
    except Exception as error:  # tarfile, gzip and zlib have errors of many classes for damaged files
        what = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{named}: cannot be read: {what}; copy it again") from error
    for wanted, there in (("run.json", "run.json" in found), ("checkpoint", found - {*_TEXTS})):
        if not there:
            raise UserError(f"{named}: holds no {wanted}; {_ADVICE}")


class _BoundedGzip(gzip.GzipFile):
    """A packed file that is read in small pieces: tarfile reads a header at once, however long it says it is."""

    def read(self, size=-1):
        if not 0 <= size <= _CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _members(archive, named) -> Iterator[tarfile.TarInfo]:
    """Yields the members that are part of a model, under their own names; refuses all others."""
    for number, member in enumerate(archive, start=1):
        name = member.name.removeprefix("./")
        if _OF_THE_STARTER_CODE.fullmatch(name):
            raise UserError(f"{named}: holds a TensorFlow 1 graph ({os.path.basename(name)}), which cannot be loaded; "
                            "train the model here, see docs/coming-from-the-starter-code.md")  # fmt: skip
        if number > _MEMBERS:
            raise UserError(f"{named}: holds more than {_MEMBERS} files; {_ADVICE}")
        if member.isdir() and name in (".", "checkpoints"):
            continue
        known = name in _TEXTS or _CHECKPOINT.fullmatch(name)
        if not known or not member.isreg() or member.issparse():
            raise UserError(f"{named}: holds {name!r}, which is no part of a model; {_ADVICE}")
        member.name = name
        yield member


def _copy(archive, member, target, named):
    """Copies a member's bytes; owner, mode, times and links in the archive have no effect."""
    largest = _LARGEST_TEXT if member.name in _TEXTS else _LARGEST_CHECKPOINT
    if member.size > largest:
        size = f"{largest >> 30} GiB" if largest >> 30 else f"{largest >> 20} MiB"
        raise UserError(f"{named}: {member.name!r} is larger than {size}; {_ADVICE}")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    source, left = archive.extractfile(member), member.size
    with files.writing(target), open(target, "wb") as file:
        while left:
            chunk = _read(source, min(left, _CHUNK))
            file.write(chunk)
            left -= len(chunk)


def _read(source: IO[bytes], size: int) -> bytes:
    chunk = source.read(size)
    if not chunk:
        raise EOFError("it ends too early")
    return chunk


def _same(first, second):
    """Whether two directories hold the same files with the same bytes."""
    paths = [sorted(_files(directory)) for directory in (first, second)]
    return paths[0] == paths[1] and all(
        _equal(os.path.join(first, path), os.path.join(second, path)) for path in paths[0]
    )


def _files(directory):
    for at, _, names in os.walk(directory):
        yield from (os.path.relpath(os.path.join(at, name), directory) for name in names)


def _equal(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        while chunk := a.read(_CHUNK):
            if chunk != b.read(_CHUNK):
                return False
        return not b.read(1)
