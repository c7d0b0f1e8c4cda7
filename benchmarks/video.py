"""The most memory that pgjax generate takes of videos of several lengths, from a video to a video.

    python -m benchmarks.video --model=runs/demo/export --data_dir=data \\
        --out=benchmarks/results/video_cpu.json

The videos show a drawn person who walks, --size pixels high and wide, --fps frames a second. For each of
--seconds, in a process of its own:

- peak_mib: VmHWM of /proc/self/status at the end of the command, Python and JAX included.
- seconds_taken: of the whole command: imports, compilation, estimator, drawing, encoding.
- images: that the video holds; frames of nobody have none.
- ratio: peak_mib by that of the first length.

The estimator's weights are read from DATA_DIR/weights, or downloaded into it. Prints a table, and writes
everything as JSON.
"""

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import measure
from pgjax.data.people import background, body, garments, person, pose
from pgjax.data.people.chance import Chance
from pgjax.data.people.solids import Canvas
from pgjax.errors import InputError
from pgjax.images import pixels, video
from pgjax.scoring.run_evaluation import aligned
from pgjax.tools import cli

STRIDE = 30  # frames of two steps; then they come again
SAMPLES = 2  # a pixel, in each direction
PROGRAM = """
import re
from pgjax.runtime import cpu_process
cpu_process.begin()
from pgjax.tools import cli, generate
cli.run(generate.main)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@functools.cache
def walker(place: int, size: tuple[int, int]) -> np.ndarray:
    """A person in one of STRIDE places of two steps, uint8 (H, W, 3)."""
    someone, chance = person(0, 3), Chance(0, 9)
    swing = 25 * np.sin(2 * np.pi * place / STRIDE)
    arms = [pose.Arm(side * swing, 8, 20, (0, 0, 1)) for side in (-1, 1)]
    lifted = np.cos(2 * np.pi * place / STRIDE)
    legs = [pose.Leg(side * swing, 3, 8 + 40 * max(0.0, side * lifted)) for side in (1, -1)]
    figure = pose.skeleton(pose.Pose(3, 0, 5, 0, tuple(arms), tuple(legs)), someone)
    canvas = Canvas(size, SAMPLES)
    body.draw(canvas, someone, figure, body.View(25, 6, 0.85, 0.0, 0.95))
    scene, light = background.window(0, 1, chance, size)
    large = scene.astype(np.uint8).repeat(SAMPLES, 0).repeat(SAMPLES, 1)
    indices, colours = garments.paint(canvas, someone, light)
    large.reshape(-1, 3)[indices] = colours.astype(np.uint8)
    return np.asarray(Image.fromarray(large).reduce(SAMPLES))


def write_walk(path: Path, seconds: float, fps: int, size: tuple[int, int]) -> None:
    """A video of so many seconds."""
    with video.Writer(path, size, Fraction(1, fps)) as writer:
        for i in range(round(seconds * fps)):
            writer.write(walker(i % STRIDE, size), i, i + 1)


def measured(model: str, data_dir: str, folder: Path, clip: Path) -> dict[str, Any]:
    """One length, with the clip's first frame as the photo.

    Raises:
      InputError: what the command says, where it fails.
    """
    result = folder / "result.mp4"
    command = [sys.executable, "-c", PROGRAM, f"--model={model}", f"--data_dir={data_dir}"]
    command += [f"--source={folder / 'source.png'}", f"--target_video={clip}", f"--out={result}"]
    command += ["--source_person=prominent", "--target_person=prominent"]
    command += ["--fill=5", "--smooth=savitzky_golay"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise InputError(f"pgjax generate: {done.stderr.strip().splitlines()[-1]}")
    with video.opened(result) as made:
        images = sum(1 for _ in made)
    return {
        "peak_mib": measure.rounded(int(done.stdout.split()[-1]) / 1024),
        "images": images,
        "seconds_taken": measure.rounded(time.monotonic() - began, 3),
        "flicker": done.stderr.strip().splitlines()[-1].rpartition("flicker: ")[2],
    }


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.video",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, help="exported model")
    parser.add_argument("--data_dir", default="data", help="its weights/ are the estimator's")
    parser.add_argument("--seconds", default="5,60", help="lengths (default: %(default)s)")
    parser.add_argument("--fps", type=int, default=30, help="of the videos (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="of a side (default: %(default)s)")
    parser.add_argument("--out", help="file for the results")
    arguments = parser.parse_args(argv)
    size, found = (arguments.size, arguments.size), {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pixels.write_png(folder / "source.png", walker(0, size))
        for seconds in map(float, arguments.seconds.split(",")):
            clip = folder / f"{seconds:g}.mp4"
            write_walk(clip, seconds, arguments.fps, size)
            found[f"{seconds:g}"] = measured(arguments.model, arguments.data_dir, folder, clip)
    first = next(iter(found.values()))["peak_mib"]
    rows = [("seconds", "images", "peak MiB", "ratio", "took s")]
    for seconds, one in found.items():
        one["ratio"] = measure.rounded(one["peak_mib"] / first)
        columns = ("images", "peak_mib", "ratio", "seconds_taken")
        rows.append((seconds, *(str(one[column]) for column in columns)))
    result = {"size": size, "fps": arguments.fps, "lengths": found, **measure.machine()}
    measure.write(arguments.out, result)
    print("\n".join(aligned(rows)))


if __name__ == "__main__":
    cli.run(main)
