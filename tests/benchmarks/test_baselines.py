"""The table of the baselines holds what was measured, and stays empty where nothing was."""

from benchmarks.baselines import markdown


def test_every_protocol_and_subject_has_a_line():
    found = {
        "protocols": {
            "pgjax": {"scores": {"source": {"ssim": 0.1577, "ssim_reference": 0.1, "pckh": 0.0}}},
            "pg2": {"scores": {"source": {"l1_255": 49.4006}, "real": {"psnr": 100.0}}},
        }
    }
    head, rule, *lines = markdown(found).splitlines()
    assert head.count("|") == rule.count("|")
    assert lines == [
        "| `pgjax` | copy of the source | 0.158 |  |  |  |  | 0.000 |",
        "| `pg2` | copy of the source |  |  | 49.4 |  |  |  |",
        "| `pg2` | real targets |  |  |  | 100.0 |  |  |",
    ]
