"""The server of a study: gives participants its page, and keeps what they send. Needs pgjax[study].

POST answers takes what pgjax.scoring.userstudy.answers describes, as application/json. The reply is JSON.
With the codes 200 and 201, N answers of that person are on the disk:

    200 {"status": "again", "answers": N}
    201 {"status": "new" or "longer", "answers": N}
    409, 413, 415, 422 {"status": "refused", "kind": KIND, "told": TEXT}
    503 {"status": "not kept", "told": TEXT}
"""

import socket
import sqlite3
import sys

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pgjax.errors import InputError
from pgjax.scoring.userstudy import answers
from pgjax.scoring.userstudy.collection import Store
from pgjax.scoring.userstudy.studies import SITE, Study

HEADERS = {
    "Cache-Control": "no-cache",  # browsers ask whether the study is still this one
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def app(study: Study, store: Store) -> Starlette:
    """The study's page at /, and the place where it sends answers."""
    most = answers.longest(study)

    async def receive(request: Request) -> Response:
        # Pages of other sites can send other types without asking first; and nothing allows them this one.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _refused(415, answers.FORM, f"expected application/json, not {kind!r}")
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    return _refused(413, answers.FORM, f"expected {most} bytes at most")
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody; the page sends all again
        try:
            state, kept = await run_in_threadpool(store.add, body)
        except answers.Refused as error:
            return _refused(409 if error.kind == answers.CHANGED else 422, error.kind, str(error))
        except sqlite3.Error as error:
            print(f"{store.path}: answers were not kept: {error}", file=sys.stderr, flush=True)
            return JSONResponse({"status": "not kept", "told": str(error)}, 503)
        content = {"status": state, "answers": len(kept.answers)}
        return JSONResponse(content, 200 if state == answers.AGAIN else 201)

    routes = [
        Route("/answers", receive, methods=["POST"]),
        Mount("/", _Site(directory=study.folder / SITE, html=True)),
    ]
    return Starlette(routes=routes)


class _Site(StaticFiles):
    def file_response(self, *args, **options) -> Response:
        response = super().file_response(*args, **options)
        response.headers.update(HEADERS)
        return response


def _refused(code: int, kind: str, told: str) -> JSONResponse:
    return JSONResponse({"status": "refused", "kind": kind, "told": told}, code)


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for participants; connections are taken from now on.

    Raises:
      InputError: there is no such port.
      OSError: the port is taken, or the host is none of this machine's.
    """
    if not 0 <= port < 2**16:
        raise InputError(f"--port: expected a number from 0 to 65535, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def serve(study: Study, store: Store, listening: socket.socket) -> None:
    """Serves a study until the process is told to end."""
    import uvicorn

    config = uvicorn.Config(
        app(study, store), log_level="warning", access_log=False, lifespan="off", ws="none"
    )
    uvicorn.Server(config).run(sockets=[listening])
