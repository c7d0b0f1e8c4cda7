"""Serves a page to the browsers of this machine."""

import functools
import http.server
import os
import re

from pgjax.errors import InputError

HOST = "127.0.0.1"
# Workers have no page whose policy they take; with the first header they have this one.
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')
HEADERS = {
    # Only pages that no other site can look into get threads: https://web.dev/articles/coop-coep
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # the folder may be written anew
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Of this page's files; the machine's own table may say something else, and then browsers load no module.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".png": "image/png",
    "": "application/octet-stream",
}


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = TYPES

    def __init__(self, *args, policy: str, **options):
        self.policy = policy
        super().__init__(*args, **options)

    def end_headers(self) -> None:
        for name, value in (HEADERS | {"Content-Security-Policy": self.policy}).items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path):
        self.send_error(404)

    def log_message(self, format, *args) -> None:
        """Says nothing of single requests."""


def listen(folder: str | os.PathLike, port: int) -> http.server.ThreadingHTTPServer:
    """A server of a page's folder, which waits for browsers from now on.

    Args:
      folder: that pgjax page has written.
      port: 0: any that is free.

    Raises:
      InputError: as `check`; the port is taken, or the system keeps it for itself.
    """
    check(port)
    with open(os.path.join(folder, "index.html"), encoding="utf-8") as file:
        found = POLICY.search(file.read())
    assert found is not None, folder
    handler = functools.partial(_Handler, directory=os.fspath(folder), policy=found[1])
    try:
        return http.server.ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise InputError(
            f"--port: {port}: {error.strerror}; --port=0 takes any that is free"
        ) from error


def check(port: int) -> None:
    """Raises InputError, where there is no such port."""
    if not 0 <= port < 2**16:
        raise InputError(f"--port: expected a number from 0 to 65535, not {port}")
