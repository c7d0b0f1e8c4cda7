"""`pgjax userstudy serve` in a process of its own."""

import contextlib
import http.client
import json
import pathlib
import subprocess
import sys

import places


class Server:
    """A server of the study in a folder; `url` ends in "/"."""

    def __init__(self, folder: pathlib.Path, port: int = 0):
        command = [
            sys.executable,
            "-m",
            "pgjax.tools.userstudy",
            "serve",
            str(folder),
            f"--port={port}",
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=folder.parent, env=places.environment()
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url

    @property
    def port(self) -> int:
        return int(self.url.strip("/").rpartition(":")[2])

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, body=None, kind="application/json"):
        """(code, body, headers) of a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            headers = {} if body is None else {"Content-Type": kind}
            connection.request("GET" if body is None else "POST", f"/{path}", body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers

    def send(self, body):
        """(code, what the reply says) for answers."""
        code, content, _ = self.ask("answers", body)
        return code, json.loads(content)


@contextlib.contextmanager
def serving(folder, port=0):
    server = Server(folder, port)
    try:
        yield server
    finally:
        server.kill()
