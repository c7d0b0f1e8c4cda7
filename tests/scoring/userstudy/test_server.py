"""The server as participants' browsers see it; what it acknowledged outlives it."""

import concurrent.futures
import http.client
import json
import signal
import threading

import pytest

import userstudies
from pgjax.errors import InputError
from pgjax.scoring.userstudy.collection import Store
from pgjax.tools import userstudy
from study_server import serving


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return userstudies.rated(tmp_path_factory.mktemp("study") / "s")


@pytest.fixture(scope="module")
def server(study):
    with serving(study.folder) as found:
        yield found


def test_participants_get_the_site_and_nothing_else(server, study):
    site = study.folder / "site"
    code, page, headers = server.ask("")
    assert (code, page) == (200, (site / "index.html").read_bytes())
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
    token = study.trials[0][0]
    code, picture, headers = server.ask(f"pictures/{token}.png")
    assert picture == (site / "pictures" / f"{token}.png").read_bytes()
    assert headers["Content-Type"] == "image/png"
    for path in (
        "key.json",
        "../key.json",
        "%2e%2e/key.json",
        "..%2fkey.json",
        "pictures",
        "answers",
        "answers.sqlite",
    ):
        assert server.ask(path)[0] == 404, path


def test_replies_tell_answers_apart(server, study):
    assert server.send(userstudies.sent(study, 1, 5)) == (201, {"status": "new", "answers": 5})
    assert server.send(userstudies.sent(study, 1, 5)) == (200, {"status": "again", "answers": 5})
    assert server.send(userstudies.sent(study, 1)) == (201, {"status": "longer", "answers": 12})
    changed = userstudies.document(study)
    changed["answers"][0]["taken"] += 1
    tampered = userstudies.document(study, 2)
    tampered["answers"][3]["pictures"] = ["0123456789abcdef"]
    for body, code, kind in (
        (json.dumps(changed).encode(), 409, "changed"),
        (json.dumps(tampered).encode(), 422, "pictures"),
        (b"no JSON", 422, "form"),
        (b" " * 20_000, 413, "form"),
    ):
        found, said = server.send(body)
        assert (found, said["status"], said["kind"]) == (code, "refused", kind)
    # What a page of another site could send without asking.
    assert server.ask("answers", userstudies.sent(study, 9), "text/plain")[0] == 415
    found = Store(study).read()
    assert list(found.persons) == [f"{1:032x}"] and found.again == 1
    assert found.refused == {"changed": 1, "pictures": 1, "form": 1}


def test_an_acknowledged_answer_survives_kill_9(tmp_path):
    """Persons send at once, their answers in two parts, while the server is killed."""
    study = userstudies.rated(tmp_path / "s")
    acknowledged, enough = {}, threading.Event()

    def take_part(person):
        for count in (6, 12):
            try:
                code, said = server.send(userstudies.sent(study, person, count))
            except (http.client.HTTPException, OSError):
                return False
            assert code == 201
            acknowledged[person] = said["answers"]
            if len(acknowledged) == 12:
                enough.set()
        return True

    with serving(study.folder) as server, concurrent.futures.ThreadPoolExecutor(4) as threads:
        parts = [threads.submit(take_part, person) for person in range(400)]
        enough.wait(60)
        server.kill()
        done = [part.result() for part in parts]
    assert not all(done) and len(acknowledged) >= 12
    kept = Store(study).read().persons
    assert {p: n for p, n in acknowledged.items() if len(kept[f"{p:032x}"].answers) < n} == {}
    with serving(study.folder) as server:  # goes on, and knows them
        person = max(acknowledged, key=acknowledged.get)
        again = server.send(userstudies.sent(study, person, acknowledged[person]))
        assert again[1]["status"] == "again"


def test_ctrl_c_ends_it_and_tells_what_has_come(tmp_path, capfd):
    study = userstudies.rated(tmp_path / "s")
    with serving(study.folder) as server:
        server.send(userstudies.sent(study, 1, 5))
        server.process.send_signal(signal.SIGINT)
        server.process.wait()
    said = capfd.readouterr().err
    assert "0 complete, 1 partial, 0 sent again, 0 refused\n" in said and "Traceback" not in said


def test_faults_before_it_serves(tmp_path, server, study):
    taken = f"--port={server.port}"
    with pytest.raises(OSError, match="in use"):
        userstudy.main(["serve", str(study.folder), taken])
    with pytest.raises(InputError, match="--port: expected a number from 0 to 65535, not 65536"):
        userstudy.main(["serve", str(study.folder), "--port=65536"])
    with pytest.raises(FileNotFoundError, match="no study in it"):
        userstudy.main(["serve", str(tmp_path)])
    mine = userstudies.rated(tmp_path / "s")
    (mine.folder / "site" / "pictures" / f"{mine.trials[0][0]}.png").write_bytes(b"")
    with pytest.raises(InputError, match="was changed after the study was made"):
        userstudy.main(["serve", str(mine.folder)])
