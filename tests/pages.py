"""Pages of reports for tests: run directories that are pretended, and HTML as the standard parser sees it."""

import html.parser
import json
import math
import pathlib

import numpy as np

import runs
from pgjax.images.pixels import write_png
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.scoring import result_files

PAIRS = 40
VOID = {"meta", "link", "img", "br"}


class Parsed(html.parser.HTMLParser):
    """A page: `elements` (tag, attributes) in order, `ids`, and `text` without styles and scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts, self.tables = [], []
        self._open, self._parts = [], []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"
        self.ids = [a["id"] for _, a in self.elements if "id" in a]
        self.text = " ".join("".join(self._parts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if "script" in self._open:
            self.scripts.append(data)
        elif "style" not in self._open:
            self._parts.append(data)
            if {"td", "th"} & set(self._open):
                self.tables[-1][-1][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def run(folder: pathlib.Path, seed=0, name="{:03d}.png", config=None, **result):
    """A run of pg2's g1_l1 on Market-1501 as training and evaluation leave it; its pairs' scores.

    Its PAIRS pairs have random scores; `name` makes the names of photos.
    """
    rng = np.random.default_rng(seed)
    record = PROTOCOLS["pg2"].record()
    metrics = runs.pixel_metrics("pg2")
    scores = {m: rng.uniform(0.1, 0.9, PAIRS).astype(np.float32) for m in metrics}
    names = [name.format(i) for i in range(2 * PAIRS)]
    pairs = np.arange(2 * PAIRS).reshape(PAIRS, 2)
    means = {m: math.fsum(values.tolist()) / PAIRS for m, values in scores.items()}
    runs.write(folder, seed=seed, config=config)
    whole = json.loads((folder / "metrics.json").read_text()) | {
        "pairs": PAIRS,
        "pairs_sha256": result_files.digest_of([tuple(names[i] for i in p) for p in pairs]),
        "protocol": record,
        "dataset": "market1501",
        "stage": "stage1",
        "not_measured": {},
        "published": {},
        "published_in": "",
        "published_under": None,
        "scores": {"model": means, "source": dict.fromkeys(metrics, 0.5)},
    }
    result_files.write(folder / "metrics_pg2.json", whole | result)
    result_files.write_pairs(folder / "metrics_pg2_pairs.csv", names, pairs, scores)
    lines = [
        {"step": step, "g1/loss": 1 / step, "g1/gradient_norm": 2.0, "steps_per_second": 3.0}
        | ({"held_out/ssim": step / 1000} if step % 100 == 0 else {})
        for step in range(10, 510, 10)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "environment.jsonl").write_text(
        json.dumps({"python": "3.11", "packages": {"pgjax": "0.2.0"}, "devices": ["cpu", "cpu"]})
        + "\n"
    )
    for step in range(100, 1100, 100):
        picture = rng.integers(0, 256, (60, 90, 3), np.uint8)
        write_png(folder / "samples" / f"{step:07d}.png", picture)
    return scores
