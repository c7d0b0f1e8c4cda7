"""What a picture costs on the page of pgjax page, in a browser without a window.

    pgjax page --model=runs/demo/export --out=page
    python -m benchmarks.page --page=page

A joint is moved by an arrow key, forth and back, --pictures times. Needs playwright, and Chromium or Chrome.

- load_seconds: from the address to the first picture: model, ONNX Runtime and the page are read from this
  machine, and the model is prepared.
- milliseconds: the median from a key to the new picture on the canvas, one after the other.
- threads: of ONNX Runtime in the browser.

Prints a table, and writes everything as JSON.
"""

import shutil
import threading
import time

import numpy as np

from benchmarks import measure
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.scoring.run_evaluation import aligned
from pgjax.serving.page import server, site
from pgjax.tools import cli

BROWSERS = "chromium", "chromium-browser", "google-chrome"
IDLE = "#target_drop[aria-busy=false]"
MOVES = """async (count) => {
  const joint = document.querySelector("#target_svg .joint[aria-label^='left wrist']");
  const area = document.querySelector("#target_drop");
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const began = performance.now();
    const done = new Promise((tell) => new MutationObserver((_, observer) => {
      if (area.getAttribute("aria-busy") === "true") return;
      observer.disconnect();
      tell();
    }).observe(area, { attributes: true }));
    const key = i % 2 ? "ArrowUp" : "ArrowDown";
    joint.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await done;
    times.push(performance.now() - began);
  }
  return times;
}"""


def measured(folder: paths.Path, pictures: int) -> dict:
    """The times of a page in a folder."""
    from playwright import sync_api

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise InputError(f"needs a browser: {', '.join(BROWSERS)}")
    with server.listen(folder, 0) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        with sync_api.sync_playwright() as driver:
            opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = opened.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            page.goto(f"http://{server.HOST}:{listening.server_port}/")
            page.locator(IDLE).wait_for(timeout=600_000)
            loaded = time.perf_counter() - began
            page.evaluate(MOVES, 3)
            times = page.evaluate(MOVES, pictures)
            about = page.locator("#about").inner_text()
            threads = page.evaluate(
                "crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1"
            )
            version = opened.version
            opened.close()
        listening.shutdown()
    return {
        "model": about,
        "browser": version,
        "threads": threads,
        "load_seconds": measure.rounded(loaded),
        "milliseconds": measure.rounded(float(np.median(times))),
        "milliseconds_range": [measure.rounded(float(t)) for t in (min(times), max(times))],
        **measure.machine(),
    }


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.page", description="Time the page of pgjax page in a browser."
    )
    parser.add_argument("--page", metavar="DIR", required=True, help="folder of pgjax page")
    parser.add_argument("--pictures", type=int, default=30, help="default: %(default)s")
    parser.add_argument("--out", metavar="FILE", help="file for the results")
    arguments = parser.parse_args(argv)
    if arguments.pictures < 1:
        raise InputError(f"--pictures: expected 1 or more, got {arguments.pictures}")
    folder = paths.local(arguments.page)
    site.check(folder)
    result = measured(folder, arguments.pictures)
    measure.write(arguments.out, result)
    low, high = result["milliseconds_range"]
    rows = [
        ("load", f"{result['load_seconds']} s"),
        ("picture", f"{result['milliseconds']} ms ({low} to {high})"),
    ]
    print(
        "\n".join(
            [
                f"{result['model']} Chromium {result['browser']}, {result['threads']} threads",
                *aligned(rows),
            ]
        )
    )


if __name__ == "__main__":
    cli.run(main)
