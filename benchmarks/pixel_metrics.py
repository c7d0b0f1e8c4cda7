"""How long the pixel metrics of a whole test set take: python -m benchmarks.pixel_metrics --data_dir DIR

The images that are scored are copies of the source photos, so that nothing is generated. Seconds count from
the first image to the means, compilation included; reading the data set is told beside them.
"""

import argparse
import time

import numpy as np
from tqdm import tqdm

from benchmarks import measure
from pgjax import data
from pgjax.data import store as stores
from pgjax.metrics import protocols
from pgjax.metrics.records import PLAIN
from pgjax.pose.batch import Indices, fetch
from pgjax.runtime import launch
from pgjax.scoring.scorer import Scorer

NAMES = ("ssim", "ssim_reference", "mask_ssim", "l1", "psnr")
CHUNK = 128


def run(dataset: str, data_dir: str, count: int | None) -> dict:
    started = time.perf_counter()
    split = stores.load_split(dataset, "test", data_dir)
    pairs = stores.test_pairs(dataset, split, data_dir)[:count]
    read = time.perf_counter()
    scorer = Scorer(protocols.OWN, dataset, split.store, pairs, "", NAMES)
    for start in tqdm(range(0, len(pairs), CHUNK), desc="scoring"):
        chunk = pairs[start : start + CHUNK]
        batch = fetch(split.store, Indices(*chunk.T, np.zeros(len(chunk), bool)))
        scorer.add("source", {PLAIN: batch.source_image}, batch)
    scores = scorer.scores()["source"]
    ended = time.perf_counter()
    return {
        "dataset": dataset,
        "pairs": len(pairs),
        "metrics": list(NAMES),
        "seconds_reading_the_data_set": measure.rounded(read - started),
        "seconds": measure.rounded(ended - read),
        "pairs_per_second": measure.rounded(len(pairs) / (ended - read)),
        "scores_of_a_copy_of_the_source": scores,
        "machine": measure.machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="market1501", choices=data.DATASETS)
    parser.add_argument("--data_dir", default=data.DATA_DIR)
    parser.add_argument("--pairs", type=int, help="only the first so many")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    launch.start_alone()
    result = run(arguments.dataset, arguments.data_dir, arguments.pairs)
    for name, value in result.items():
        print(f"{name}: {value}")
    measure.write(arguments.out, result)


if __name__ == "__main__":
    main()
