"""What a command prints on standard error while it works: what it begins, its progress, the time left."""

import contextlib
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from tqdm import tqdm

EVERY = 10.0  # seconds between two lines of progress where standard error is no terminal
STEADY = 3, 3.0  # calls and seconds after the first call, from which on the time left is told
SHORT = 2.0  # seconds that need no line at their end


def announce(what: str) -> None:
    """Says what begins now and may take a while, in one line; bars on a terminal stay whole."""
    tqdm.write(f"{what} ...", file=sys.stderr)
    sys.stderr.flush()


class Progress:
    """How far a loop is: a bar on a terminal, else a line every ten seconds and one at the end.

    The time left follows from the calls after the first one, which compiles, and is told when there were a
    few of them.
    """

    def __init__(self, total: int, what: str, unit: str, done: int = 0, quiet: bool = False):
        """Begins to count.

        Args:
          total: how many there are.
          what: is done.
          unit: of what, one of them ("step").
          done: before this process, of which the time left knows nothing.
          quiet: say nothing.
        """
        self._total, self._what, self._unit, self._done = total, what, unit, done
        self._told, self._calls = "", 0
        self._began = self._first = self._line = time.monotonic()
        self._before = done  # at the end of the first call
        terminal = sys.stderr.isatty()
        self._lines = not (quiet or terminal)
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=what,
            unit=unit,
            mininterval=0.5,
            disable=quiet or not terminal,
            file=sys.stderr,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]",
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()
        took = time.monotonic() - self._began
        if self._lines and self._calls and took > SHORT:
            self._say(f"in {duration(took)}")

    def update(self, count: int = 1) -> None:
        """So many more are done."""
        now = time.monotonic()
        self._done += count
        self._calls += 1
        if self._calls == 1:
            self._first, self._before = now, self._done
        self._bar.set_postfix_str(self._state(now), refresh=False)
        self._bar.update(count)
        if self._lines and now - self._line >= EVERY and self._done < self._total:
            self._line = now
            self._say(self._state(now))

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """The time of the block is none of the loop's: no speed and no time left follows from it."""
        began = time.monotonic()
        yield
        self._first += time.monotonic() - began

    def tell(self, **values: Any) -> None:
        """Values that stand beside the progress from now on, such as losses."""
        self._told = ", ".join(f"{name} {value}" for name, value in values.items())

    def _say(self, state: str) -> None:
        units = self._unit if self._total == 1 else f"{self._unit}s"
        parts = (f"{self._done} of {self._total} {units}", state)
        print(
            f"{self._what}: {', '.join(part for part in parts if part)}",
            file=sys.stderr,
            flush=True,
        )

    def _state(self, now: float) -> str:
        """Speed and time left, where they are known, and what was told."""
        parts = [self._told]
        passed, made = now - self._first, self._done - self._before
        if self._calls > STEADY[0] and passed >= STEADY[1]:
            speed = made / passed
            left = (self._total - self._done) / speed
            rate = (
                f"{speed:.1f} {self._unit}s/s" if speed >= 1 else f"{1 / speed:.1f} s/{self._unit}"
            )
            parts = [rate, *([f"{duration(left)} left"] if left else []), *parts]
        return ", ".join(part for part in parts if part)


def watched(
    items: Iterable, total: int, what: str, unit: str, quiet: bool = False
) -> Iterator[Any]:
    """The items, with their progress; a step is done when the next item is asked for."""
    with Progress(total, what, unit, quiet=quiet) as progress:
        for item in items:
            yield item
            progress.update()


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "12 min", "7 h 49 min"."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
