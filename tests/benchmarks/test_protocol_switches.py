"""The benchmark of a protocol's switches runs, and each line is of its own protocol."""

import argparse

import numpy as np

import tiny
from benchmarks import protocol_switches


class Means:
    """Colours of an image as features, with a bend."""

    what = "means"

    def __call__(self, images, targets=None):
        found = np.asarray(images, np.float64)[:, 2::8, 2::8].reshape(len(images), -1) ** 2
        return found, found


def test_one_choice_changed(monkeypatch):
    tiny.use_data(monkeypatch)
    protocols = protocol_switches.changed()
    assert len(protocols) == 5 + len(protocol_switches.SWITCHES)
    kept = ("`gfla`", "`gfla`, PNG")
    monkeypatch.setattr(protocol_switches, "changed", lambda: {n: protocols[n] for n in kept})
    keys = protocol_switches.random_networks
    monkeypatch.setattr(protocol_switches, "Random", lambda *given, **options: Means())
    assert len(keys()) == 3
    arguments = argparse.Namespace(
        dataset="synthetic_people", data_dir="unused", count=5, random=True
    )
    told = []
    found = protocol_switches.run(arguments, told.append)
    assert (found["pairs"], found["training_photos"], len(told)) == (5, 5, 2)
    jpeg, png = (found["protocols"][name]["scores"] for name in kept)
    for metric in ("fid", "psnr", "ssim_reference"):
        assert jpeg["source"][metric] != png["source"][metric]
    assert set(found["protocols"]["`gfla`"]["not_measured"]) == {"ssim_window51", "lpips_alex"}
    head, rule, *lines = protocol_switches.markdown(found).splitlines()
    assert head.count("|") == rule.count("|") == lines[0].count("|") == lines[1].count("|")
    assert f"{png['source']['fid']:.4g} | {png['mean']['fid']:.4g} |  |  |" in lines[1]
