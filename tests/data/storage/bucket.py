"""A Google Cloud Storage bucket on this machine, for TensorFlow's gs://.

TensorFlow's client has no setting for another address, but its HTTP library obeys `https_proxy`, and CURL_CA_BUNDLE
says whose certificates it believes. So this is a proxy which, asked to connect to Google, answers itself: the calls
that list and describe objects, and reads of byte ranges.
"""

import contextlib
import datetime
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import urllib.parse

import pytest

_PAGE = 2  # names per page, so that a listing has several pages


@contextlib.contextmanager
def serving(directory, keys, monkeypatch, fails=lambda number: False):
    """Serves a directory's files as objects of every bucket, inside the block.

    Args:
      directory: of the files.
      keys: an empty directory for key and certificate.
      monkeypatch: pytest's, which sets the environment.
      fails: function of the number of a request -> whether it is answered with 503.

    Yields:
      A list that grows by (path, range of bytes or None) with each request for an object's bytes.
    """
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, certificate = os.path.join(keys, "key.pem"), os.path.join(keys, "certificate.pem")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a bucket", "-days", "2",
            "-addext", "subjectAltName=DNS:*.googleapis.com", "-keyout", key, "-out", certificate]  # fmt: skip
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    reads, requests = [], iter(range(10**9))
    bound = {"directory": directory, "context": context, "reads": reads}
    bound["fails"] = staticmethod(lambda: fails(next(requests)))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Bucket,), bound))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "https_proxy": f"http://127.0.0.1:{server.server_port}",
        "no_proxy": "",
        "CURL_CA_BUNDLE": certificate,
        "NO_GCE_CHECK": "true",  # otherwise TensorFlow requests credentials from Google's metadata server
        "GCS_RETRY_CONFIG_INIT_DELAY_TIME_US": "1000",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield reads
    finally:
        server.shutdown()
        server.server_close()


class _Bucket(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing."""

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        asked = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(asked.query))
        found = re.fullmatch("/storage/v1/b/[^/]+/o(/.+)?", asked.path)
        if self.fails():
            self._answer(503)
        elif not found:
            self._bytes(urllib.parse.unquote(asked.path).split("/", 2)[2])
        elif found[1]:
            self._describe(urllib.parse.unquote(found[1][1:]))
        else:
            self._list(query.get("prefix", ""), int(query.get("pageToken", 0)))

    def _list(self, prefix, first):
        names = sorted(name for name in os.listdir(self.directory) if name.startswith(prefix))
        page = {"items": [{"name": name} for name in names[first : first + _PAGE]]}
        if first + _PAGE < len(names):
            page["nextPageToken"] = str(first + _PAGE)
        self._answer(200, json.dumps(page if names else {}).encode())

    def _describe(self, name):
        try:
            status = os.stat(os.path.join(self.directory, name))
        except FileNotFoundError:
            self._answer(404)
            return
        changed = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        answer = {"size": str(status.st_size), "generation": "1", "updated": changed}
        self._answer(200, json.dumps(answer).encode())

    def _bytes(self, name):
        span = self.headers.get("Range")
        self.reads.append((name, span))
        with open(os.path.join(self.directory, name), "rb") as file:
            data = file.read()
        if span is None:
            self._answer(200, data)
            return
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", span).groups())
        self._answer(206 if first < len(data) else 416, data[first : last + 1])

    def _answer(self, status, data=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
