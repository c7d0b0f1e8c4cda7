"""The page in a browser: a study is done once, by keys and mouse, while its server is killed."""

import pytest

import userstudies
from pgjax.scoring.userstudy import scores
from pgjax.scoring.userstudy.collection import Collected, Store, with_files
from study_server import serving


@pytest.mark.slow
def test_a_study_is_done_and_nothing_acknowledged_is_lost(page, tmp_path):
    study = userstudies.rated(tmp_path / "s", count=3, practice=2, seconds=1.0)
    console, asked = [], []
    page.on("console", lambda message: console.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    said = [userstudies.truth(study, trial)[0] for trial in range(6)]
    wrong = {"real": "generated", "generated": "real"}
    said[1], said[4] = wrong[said[1]], wrong[said[4]]
    state, places = page.locator("#state"), page.locator("#stage img")

    def answer(trial, by_mouse):
        places.wait_for()
        assert places.get_attribute("src") == f"pictures/{study.trials[trial][0]}.png"
        narrow()
        for key in ("ArrowLeft", "ArrowRight"):  # too early: the picture still stands
            page.keyboard.press(key)
        page.locator("#first:not([aria-disabled])").wait_for()
        assert places.count() == 0
        first = said[trial] == "real"
        if by_mouse:
            page.get_by_role("button", name="Real" if first else "Generated").click()
        else:
            page.keyboard.press("ArrowLeft" if first else "ArrowRight")

    def narrow():
        assert page.evaluate("document.documentElement.scrollWidth") == 360

    with serving(study.folder) as server:
        page.goto(server.url)
        narrow()
        page.keyboard.press("Enter")
        for trial in range(3):
            answer(trial, by_mouse=trial == 2)
        page.get_by_role("button", name="Stop for now").click()
        assert "3 of 6 answers" in state.inner_text()
        page.get_by_role("button", name="Send my answers").click()
        page.get_by_text("They have arrived").wait_for()
        server.kill()
        port = server.port
    (kept,) = Store(study).read().persons.values()
    assert [each.answer for each in kept.answers] == said[:3]
    with serving(study.folder, port):
        page.reload()
        page.get_by_role("button", name="Go on").click()
        for trial in range(3, 6):
            answer(trial, by_mouse=trial % 2 == 0)
        page.get_by_text("6 of 6 answers").wait_for()
        narrow()
        assert console == []
    # The server is dead; answers stay in the browser.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("could not be sent").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save them as a file").click()
    saved = tmp_path / "saved.json"
    download.value.save_as(saved)
    with serving(study.folder, port):
        page.reload()
        page.get_by_role("button", name="Send my answers").click()
        page.get_by_text("They have arrived").wait_for()
    collected = Store(study).read()
    (kept,) = collected.persons.values()
    assert [each.answer for each in kept.answers] == said
    assert [each.views for each in kept.answers] == [1] * 6
    assert with_files(Collected({}, 0, {}), study, [saved]).persons == collected.persons
    assert (collected.again, collected.refused) == (0, {})
    found = scores.score(study, collected)["all"]
    assert (
        found["r2g"]["count"] + found["g2r"]["count"] == 1
    )  # of the two wrong ones, one was practice
    assert found["r2g"]["of"] + found["g2r"]["of"] == 4
    # blob:http://HOST/... is the file that was saved.
    assert {url.removeprefix("blob:").split("/")[2] for url in asked} == {f"127.0.0.1:{port}"}
