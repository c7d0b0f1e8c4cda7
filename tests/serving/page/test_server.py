"""The server of a page: what browsers need to be told, and nothing but the page."""

import http.client
import threading

import pytest

from pgjax.errors import InputError
from pgjax.serving.page import server, site


@pytest.fixture
def ask(tmp_path):
    """(code, headers) of a path; the folder has one file of each kind."""
    (tmp_path / "ort").mkdir()
    page = (site.FILES / "index.html").read_text()
    for name in ("index.html", "page.js", "page.css", "model.onnx", "ort/a.mjs", "ort/a.wasm"):
        (tmp_path / name).write_text(page)
    with server.listen(tmp_path, 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        connection = http.client.HTTPConnection(server.HOST, listening.server_port, timeout=60)

        def asked(path):
            connection.request("GET", path)
            reply = connection.getresponse()
            reply.read()
            connection.close()
            return reply.status, reply.headers

        yield asked
        listening.shutdown()
        thread.join()


def test_browsers_are_told_types_and_what_is_allowed(ask):
    types = {
        "/": "text/html; charset=utf-8",
        "/page.js": "text/javascript; charset=utf-8",
        "/page.css": "text/css; charset=utf-8",
        "/model.onnx": "application/octet-stream",
        "/ort/a.mjs": "text/javascript; charset=utf-8",
        "/ort/a.wasm": "application/wasm",
    }
    for path, kind in types.items():
        code, headers = ask(path)
        assert (code, headers["Content-Type"]) == (200, kind), path
        # Threads share memory; workers take their policy from here.
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "http" not in headers["Content-Security-Policy"]
    assert ask("/ort/")[0] == 404
    assert ask("/../secret")[0] == 404


def test_a_port_that_is_taken_is_told(tmp_path):
    (tmp_path / "index.html").write_text((site.FILES / "index.html").read_text())
    with server.listen(tmp_path, 0) as first:
        port = first.server_port
        with pytest.raises(InputError, match=f"--port: {port}: Address already in use; --port=0 "):
            server.listen(tmp_path, port)


def test_a_port_that_is_none_is_told(tmp_path):
    with pytest.raises(InputError, match="--port: expected a number from 0 to 65535, not 65536"):
        server.listen(tmp_path, 65536)
