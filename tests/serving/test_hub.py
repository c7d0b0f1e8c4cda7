"""Models of the model hub: their names, what is fetched, and the metadata of their cards."""

import pytest

import tiny
from configs import deformable
from pgjax.errors import InputError
from pgjax.metrics import of_pixels
from pgjax.metrics.protocols import OWN
from pgjax.serving import hub, model_card
from pgjax.serving.transfer import PoseTransfer
from pgjax.training import model_folder

hugging = pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.generator_config())


@pytest.mark.parametrize(
    ("name", "revision"),
    [("hub:some-one/a_model.2", None), ("hub:some-one/a_model.2@refs/pr/1", "refs/pr/1")],
)
def test_a_repository_is_fetched_at_its_revision(tmp_path, monkeypatch, model, name, revision):
    model_folder.write(tmp_path / "snapshot", model, model_card.text(model))
    (tmp_path / "snapshot" / model_folder.COPY).unlink()  # it is not fetched
    asked = []

    def download(repository, *, revision, allow_patterns):
        asked.append((repository, revision, sorted(allow_patterns)))
        return str(tmp_path / "snapshot")

    monkeypatch.setattr(hugging, "snapshot_download", download)
    transfer = PoseTransfer.load(name)
    assert (transfer.row, transfer.size) == ("synthetic_people/baseline", (64, 32))
    wanted = sorted([*model_folder.FILES, model_folder.SUMS])
    assert asked == [("some-one/a_model.2", revision, wanted)]


@pytest.mark.parametrize("name", ["hub:", "hub:model", "hub:a/b/c", "hub:a/b@", "hub:a b/c"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: expected hub:OWNER/NAME"):
        hub.fetch(name)


def test_what_the_hub_says_is_one_line(monkeypatch):
    def download(*args, **options):
        raise hugging.errors.LocalEntryNotFoundError("cannot find it\nand more")

    monkeypatch.setattr(hugging, "snapshot_download", download)
    with pytest.raises(InputError, match=r"^hub:a/b: can't be fetched: cannot find it$"):
        hub.fetch("hub:a/b")


def test_errors_of_the_http_library_are_one_line_too(monkeypatch):
    import httpx2

    def download(*args, **options):
        raise httpx2.ProxyError("")

    monkeypatch.setattr(hugging, "snapshot_download", download)
    with pytest.raises(InputError, match=r"^hub:a/b: can't be fetched: ProxyError$"):
        hub.fetch("hub:a/b")


def test_a_repository_of_something_else_is_told_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text("a language model")
    monkeypatch.setattr(hugging, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(InputError, match=r"^hub:a/b.onnx@main: holds no model of pgjax"):
        PoseTransfer.load("hub:a/b.onnx@main")


def test_the_card_is_what_the_hubs_own_library_reads(model):
    names = of_pixels(OWN.metrics)
    measured = {"model": {name: 0.25 for name in names}}
    scores = {"scores": measured, "pairs": 4, "limit": None, "noise": False, "pairs_from": "a"}
    found = hugging.ModelCard(model_card.text(model._replace(scores=scores))).data
    assert (found.license, found.library_name) == ("apache-2.0", "pgjax")
    assert found.pipeline_tag == "image-to-image"
    assert {"pose-transfer", "synthetic_people", "deformable"} <= set(found.tags)
    assert found.metrics == list(names)
    assert {one.metric_type: one.metric_value for one in found.eval_results} == measured["model"]
    assert found.eval_results[0].dataset_name == "synthetic_people"


def test_the_cards_license_is_that_of_the_weights(model):
    market = tiny.narrow(deformable.get_config("market1501/baseline"))
    research = model._replace(config=market)
    others = model._replace(imported={"repository": "https://a.b/c", "files": {}})
    found = [hugging.ModelCard(model_card.text(one)).data for one in (research, others)]
    assert [(one.license, one.license_name) for one in found] == [
        ("other", "non-commercial-research"),
        ("other", "of-its-authors"),
    ]
    assert found[1].license_link == "https://a.b/c"
    assert all(one.eval_results is None for one in found)
