"""The list of rated classes: read completely or rejected."""

import gzip
import http.server
import lzma
import socket
import threading

import pytest

from yt8m_attention.data.formats import label_ids
from yt8m_attention.errors import UserError


@pytest.mark.parametrize(
    "text",
    [
        "Index\n7\n3\n",
        "Index\r\n7\r\n3",
        "\ufeffIndex\n7\n3\n",
        "class\n7.0\n3.\n\n7\n",
        '"Index",Name\n"7",x\n 3 ,\n',
        ",Name\n3,a\n7,b\n",
    ],
)
def test_lists_are_read_whatever_wrote_them(tmp_path, text):
    (tmp_path / "ids.csv").write_bytes(text.encode())
    assert label_ids.read(str(tmp_path / "ids.csv")) == (3, 7)


def test_written_is_read_back_and_compressed_too(tmp_path):
    path = tmp_path / "ids.csv"
    label_ids.write(str(path), (3, 7, 10**9))
    (tmp_path / "ids.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert label_ids.read(path) == label_ids.read(str(tmp_path / "ids.csv.gz")) == (3, 7, 10**9)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("a.csv", b"7\n3\n5\n", "the first row is 7, which is no header"),
        ("a.csv", b"nan\n3\n", "which is no header"),
        ("a.csv", b"Index\n1.5\n2.9\n", "found '1.5' among the ids"),
        ("a.csv", b"Index\ninf\n", "found 'inf'"),
        ("a.csv", b"Index\n-1\n", "found '-1'"),
        ("a.csv", b"Index\n1\n\xd9\xa3\n", "found '\u0663'"),
        ("a.csv", b"Index,Name\n1,a\n,b\n", "found ''"),
        ("a.csv", b"Index\n" + b"9" * 5000 + b"\n", "found '9{40}'"),
        ("a.csv", b"Index\n", "holds no class id"),
        ("a.csv", b"", "cannot be read"),
        ("a.csv", b"\xff\xfe\x00", "cannot be read"),
        ("a.csv.zip", b"no archive", "cannot be read"),
        ("a.csv.xz", b"no archive", "cannot be read"),
        ("a.csv.xz", lzma.compress(b"Index\n3\n" * 99)[:-9], "cannot be read"),
        # mtime: parallel test processes must compute the same test names, so these must not contain the time.
        ("a.csv.gz", gzip.compress(b"Index\n3\n" * 99, mtime=0)[:-9], "cannot be read"),
    ],
    ids=str,
)
def test_an_invalid_list_of_ids_is_rejected_in_one_line(tmp_path, name, raw, message):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError, match=rf"--segment_label_ids_file={tmp_path}/{name}: .*{message}") as error:
        label_ids.read(f"{tmp_path}/{name}")
    assert "\n" not in str(error.value)


class _HangsUp(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"Index\n3\n")

    def log_message(self, *_):
        """Nothing."""


class _Serves(http.server.BaseHTTPRequestHandler):
    """A compressed list: a compressed file, or compressed by the server."""

    def do_GET(self):
        self.send_response(200)
        if not self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(gzip.compress(b"Index\n7\n3\n"))

    def log_message(self, *_):
        """Nothing."""


@pytest.mark.parametrize("name", ["ids.csv", "a%2Fb/ids.csv.gz"])
def test_a_list_is_fetched(monkeypatch, name):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), _Serves) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert label_ids.read(f"http://127.0.0.1:{server.server_port}/{name}") == (3, 7)
        server.shutdown()


def test_a_server_that_stays_silent_is_given_up(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(label_ids, "_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"http://127.0.0.1:{server.getsockname()[1]}/ids.csv"
        with pytest.raises(UserError, match=f"--segment_label_ids_file={source}: cannot be read: timed out; wanted"):
            label_ids.read(source)


def test_a_download_that_breaks_off_is_refused(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), _HangsUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/ids.csv"
        with pytest.raises(UserError, match=f"--segment_label_ids_file={source}: cannot be read: IncompleteRead"):
            label_ids.read(source)
        server.shutdown()
