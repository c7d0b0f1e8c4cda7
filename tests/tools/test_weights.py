"""pgjax weights: the table of what is needed, and fetching it; nothing leaves this machine."""

import hashlib

import pytest

from pgjax import frozen
from pgjax.errors import InputError, NotMeasuredError
from pgjax.frozen import estimators
from pgjax.frozen.files import Published
from pgjax.metrics import METRICS, SetMetric
from pgjax.metrics.sets import EXTRACTORS
from pgjax.tools import weights


@pytest.fixture
def two(tmp_path, monkeypatch):
    """An entry of two files, of which one has no published sha256, on a site of this machine."""
    site = tmp_path / "site"
    site.mkdir()
    for name, content in (("a.bin", b"first"), ("b.bin", b"second")):
        (site / name).write_bytes(content)
    files = (
        Published((site / "a.bin").as_uri(), hashlib.sha256(b"first").hexdigest(), "a.bin"),
        Published((site / "b.bin").as_uri(), None, "b.bin"),
    )
    table = dict(weights.TABLE) | {"two": weights._published("metric two", files)}
    monkeypatch.setattr(weights, "TABLE", table)
    return site


def test_everything_that_needs_weights_is_in_the_table(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError("no network in this test")

    monkeypatch.setattr("urllib.request.urlopen", refused)
    needed = " ".join(entry.needed_by for entry in weights.TABLE.values())
    for name, metric in METRICS.items():
        if isinstance(metric, SetMetric) and name not in needed:
            try:
                EXTRACTORS[metric.extractor](tmp_path)
            except NotMeasuredError as error:
                pytest.fail(f"{name} needs an entry of TABLE in pgjax/tools/weights.py: {error}")
    for name in estimators.ESTIMATORS:
        assert f"estimator {name}" in needed
    assert set(frozen.NETS) <= set(weights.TABLE)


def test_the_list_says_what_is_missing_and_where_it_comes_from(tmp_path, capsys):
    weights.main(["--data_dir", str(tmp_path)])
    told = capsys.readouterr().out
    for name, entry in weights.TABLE.items():
        assert f"{name}: {entry.needed_by}\n  fetch them: pgjax weights {name}\n" in told
        for file in entry.files:
            first, *others = (" and ".join(form) for form in file.forms)
            assert f"  missing: {first}\n" in told
            assert all(f"    or instead {other}\n" in told for other in others)
            assert all(f"    from {source}" in told for source in file.sources)
    assert told.endswith(f"put them into {tmp_path / 'weights'}, under these names.\n")
    assert list(tmp_path.iterdir()) == []


def test_fetched_once_and_verified(two, tmp_path, capsys):
    folder = tmp_path / "data" / "weights"
    arguments = ["two", "--data_dir", str(folder.parent)]
    weights.main(arguments)
    assert capsys.readouterr().out == f"{folder / 'a.bin'}\n{folder / 'b.bin'}\n"
    (two / "a.bin").unlink()
    weights.main(arguments)
    assert weights.described("two", folder).startswith("two: metric two\n  verified\n")
    assert "    sha256 not published\n" in weights.described("two", folder)
    (folder / "a.bin").write_bytes(b"other")
    with pytest.raises(InputError, match=r"a\.bin: damaged or another file"):
        weights.main(arguments)
    assert "a.bin: damaged or another file" in weights.described("two", folder)


def test_the_published_weights_are_verified(shared):
    assert weights.described("vgg19", shared / "weights").splitlines()[1] == "  verified"
    assert weights.described("openpose", shared / "weights").splitlines()[1] == "  verified"
    told = weights.described("lpips_alex", shared / "weights").splitlines()
    assert told[1:3] == ["  verified", f"  {shared / 'weights' / 'lpips_alexnet.npz'}"]


def test_a_wheel_belongs_to_one_entry(tmp_path):
    with pytest.raises(InputError, match=r"--wheel: belongs to blazepose"):
        weights.main(["vgg19", "--wheel", "any.whl", "--data_dir", str(tmp_path)])
    with pytest.raises(FileNotFoundError, match=r"any\.whl: no such wheel"):
        weights.main(["blazepose", "--wheel", "any.whl", "--data_dir", str(tmp_path)])


def test_a_bucket_is_no_folder_of_this_machine():
    with pytest.raises(
        InputError, match="--data_dir gs://some/data: weights are put into a folder of"
    ):
        weights.main(["lpips_alex", "--data_dir=gs://some/data"])
