import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.data.record_helpers import video, write
from yt8m_attention.data.formats import tfrecord
from yt8m_attention.data.formats.bad_records import BadRecord
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError


def test_a_pattern_is_sorted_and_names_each_file_once(tmp_path):
    paths = [write(tmp_path / name, [video(0, 2)]) for name in ("b1", "a2", "a1")]
    assert file_patterns.expand(f"{tmp_path}/b*, {tmp_path}/a*,{tmp_path}/a1", "f") == sorted(paths)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "--flag='': names no files"),
        ("{0}/a*,{0}/none*", r"--flag=.*none\*: matches no files"),
        ("{0}", "is not a file; name the files in it"),
        ("{0}/empty", "empty is empty"),
        ("gs-not-known://bucket/a*", r"--flag=gs-not-known://bucket/a\*: matches no files"),
        ("ram://none/a*", "matches no files"),
    ],
)
def test_an_unusable_pattern_is_an_error_with_its_flag(tmp_path, pattern, message):
    write(tmp_path / "a", [video(0, 2)])
    (tmp_path / "empty").touch()
    with pytest.raises(UserError, match=message):
        file_patterns.expand(pattern.format(tmp_path), "flag")


def test_checksum_is_that_of_the_standard():
    # The standard check value: CRC-32C of "123456789" is 0xE3069283.
    crc = 0xE3069283
    assert tfrecord.masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_spans_hold_the_records_as_tensorflow_reads_them(tmp_path):
    path = write(tmp_path / "a", [b"", b"x" * 1000, video(0, 3)])
    raw = open(path, "rb").read()
    expected = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    assert [raw[a:b] for a, b in tfrecord.record_spans(path, raw)[0]] == expected


@given(st.data())
def test_a_file_cut_off_within_a_record_keeps_those_before(draw):
    raw = RECORDS
    cut = draw.draw(st.integers(1, len(raw) - 1).filter(lambda c: c not in ENDS))
    whole = sum(end <= cut for end in ENDS)
    if not whole:
        with pytest.raises(BadRecord, match=r"FILE: offset \d+: the file ends within a record"):
            tfrecord.record_spans("FILE", raw[:cut])
        return
    spans, faults = tfrecord.record_spans("FILE", raw[:cut])
    assert [raw[a:b] for a, b in spans] == PAYLOADS[:whole]
    assert [fault.place[1] in (ENDS[whole - 1], ENDS[whole - 1] + 12) for fault in faults] == [True]
    assert "the file ends within a record" in str(faults[0])


@given(st.integers(0, 2), st.integers(0, 11), st.integers(1, 255))
def test_no_record_is_lost_beside_one_whose_header_is_damaged(record, byte, change):
    raw, start = bytearray(RECORDS), [0, *ENDS][record]
    raw[start + byte] ^= change
    spans, faults = tfrecord.record_spans("FILE", bytes(raw))
    assert [bytes(raw[a:b]) for a, b in spans] == PAYLOADS[:record] + PAYLOADS[record + 1 :]
    assert [fault.place for fault in faults] == [("FILE", start)]


@given(st.integers(0, 2), st.data())
def test_the_checksum_detects_a_flipped_byte(record, draw):
    spans, _ = tfrecord.record_spans("FILE", RECORDS)
    span = tuple(spans[record].tolist())
    tfrecord.check_record("FILE", RECORDS, span)
    raw = bytearray(RECORDS)
    raw[draw.draw(st.integers(span[0], span[1] + 3))] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(BadRecord, match=f"FILE: offset {span[0]}: .* checksum is wrong"):
        tfrecord.check_record("FILE", bytes(raw), span)


@given(st.binary(min_size=12, max_size=100).filter(lambda raw: raw[8:12] != RECORDS[8:12]))
def test_a_file_of_another_format_is_an_error(raw):
    with pytest.raises(UserError, match="FILE: offset 0: not a TFRecord file"):
        tfrecord.record_spans("FILE", raw)


def test_a_missing_or_empty_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match="none: cannot be read"):
        tfrecord.stamp(str(tmp_path / "none"))
    (tmp_path / "empty").touch()
    with pytest.raises(UserError, match="empty: is empty"):
        tfrecord.mapped(tfrecord.stamp(str(tmp_path / "empty")))


def _next_header(data, position):
    """The result of tfrecord._next_header, by a search at every byte."""
    for at in range(position, len(data) - 15):
        length, crc = struct.unpack_from("<QI", data, at)
        if at + length + 16 <= len(data) and tfrecord.masked_crc32c(data[at : at + 8]) == crc:
            return at
    return len(data)


@given(st.data())
def test_the_next_header_is_the_next_place_that_has_one(draw):
    raw = bytearray(RECORDS + draw.draw(st.binary(max_size=60)) + RECORDS)
    for _ in range(draw.draw(st.integers(0, 3))):
        at = draw.draw(st.integers(0, len(raw)))
        size = draw.draw(st.integers(0, 40))
        raw[at : at + size] = draw.draw(st.sampled_from([bytes(size), b"\1" + bytes(size), os.urandom(size)]))
    data = bytes(raw[: draw.draw(st.integers(0, len(raw)))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfrecord, "_SEARCH_CHUNK", draw.draw(st.sampled_from([1, 7, 64, 1 << 20])))
        for position in draw.draw(st.lists(st.integers(0, len(raw)), max_size=5)):
            assert tfrecord._next_header(data, position) == _next_header(data, position)


@given(st.integers(0, 2**32 - 1))
def test_a_checksum_of_a_length_among_many_is_that_of_its_bytes(length):
    lengths = np.array([0, length, 1, 2**32 - 1], np.uint32)
    found = tfrecord._masked_crcs_of_lengths(lengths).tolist()
    assert found == [tfrecord.masked_crc32c(n.to_bytes(8, "little")) for n in lengths.tolist()]


@pytest.mark.parametrize("filling", [b"\0", b"\1\0\0\0\0\0\0"], ids=["zeros", "numbers"])
def test_records_behind_a_large_hole_are_found_without_a_look_at_each_byte(monkeypatch, filling):
    looks, crc = [], tfrecord.masked_crc32c
    monkeypatch.setattr(tfrecord, "masked_crc32c", lambda data: looks.append(0) or crc(data))
    hole = filling * (3_000_000 // len(filling))
    raw = RECORDS + hole + RECORDS
    spans, faults = tfrecord.record_spans("FILE", raw)
    assert [raw[a:b] for a, b in spans] == 2 * PAYLOADS
    assert [fault.place for fault in faults] == [("FILE", len(RECORDS))]
    assert len(looks) < 100


PAYLOADS = [b"hello", bytes(300), b"the last"]


def _records():
    out = b""
    for record in PAYLOADS:
        length = len(record).to_bytes(8, "little")
        out += length + tfrecord.masked_crc32c(length).to_bytes(4, "little") + record
        out += tfrecord.masked_crc32c(record).to_bytes(4, "little")
    return out


RECORDS = _records()
ENDS = [16 + 5, 2 * 16 + 5 + 300, len(RECORDS)]


_FEW_FILES = """
import resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (96, hard))
sys.path.insert(0, sys.argv[2])
from tests.data.record_helpers import data
from yt8m_attention import config
from yt8m_attention.data import pipeline
batches = pipeline.training_batches(sys.argv[1], data(), config.Phase(batch_size=60, num_epochs=2), 0)
print(sum(len(batch["mask"]) for batch in batches))
"""


def test_more_shards_than_files_may_be_open(tmp_path):
    for number in range(150):
        write(tmp_path / f"{number:03}", [video(number, 3), video(150 + number, 2)])
    run = [sys.executable, "-c", _FEW_FILES, f"{tmp_path}/*", os.path.dirname(__file__)]
    result = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"})
    assert result.stdout.strip() == "600", result.stderr
