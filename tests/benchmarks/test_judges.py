"""What can be known of the comparison with other packages where there are none."""

import json
import pathlib

import numpy as np
import pytest

from benchmarks import judges

GIVEN = {
    "scikit-image/ssim": np.array([0.5, 1.0]),
    "pytorch-fid/fid": 20.0,
    "pytorch-fid/fid, the same input": 24.0,
}
THEIRS = {"scikit-image/ssim": np.array([0.5, 1.0]), "pytorch-fid/fid": 24.0}


def _told(**changed):
    found = judges.lines(GIVEN | changed, THEIRS)
    return {name: x["agrees"] for name, x in found.items()}


def test_equal_values_agree_and_a_known_difference_is_not_judged():
    agree = {"scikit-image/ssim": True, "pytorch-fid/fid, the same input": True}
    assert _told() == agree | {"pytorch-fid/fid": None}
    line = judges.lines(GIVEN, THEIRS)["pytorch-fid/fid"]
    assert (line["largest_difference"], line["relative"]) == (4.0, 0.17) and "resizes" in line[
        "why"
    ]


@pytest.mark.parametrize("wrong", [0.5 + 2e-5, 0.4, np.nan])
def test_a_wrong_value_of_one_pair_is_told(wrong):
    assert _told(**{"scikit-image/ssim": np.array([wrong, 1.0])})["scikit-image/ssim"] is False


def test_values_of_another_number_of_pairs_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        judges.compared(np.ones(1), np.ones(2), 1.0)


def test_the_kept_result_agrees_and_is_the_table_of_the_documentation():
    root = pathlib.Path(judges.__file__).parents[1]
    kept = json.loads((root / "benchmarks" / "results" / "judges.json").read_text())["metrics"]
    assert kept.keys() >= judges.EXCEPTIONS.keys()
    assert not [name for name, x in kept.items() if x["agrees"] is False]
    assert judges.markdown(kept) in (root / "docs" / "precision.md").read_text()


def test_pairs_differ_and_are_the_same_each_time(tmp_path):
    drawn = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        masks = judges.write_pictures(tmp_path / name, 4)
        assert masks.shape == (4, *judges.SIZE) and masks.any(axis=(1, 2)).all()
        drawn.append(
            {
                p.relative_to(tmp_path / name): p.read_bytes()
                for p in (tmp_path / name).rglob("*.png")
            }
        )
    assert drawn[0] == drawn[1] and len(set(drawn[0].values())) == 8
