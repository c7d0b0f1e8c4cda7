"""SIGTERM and Ctrl-C while a run trains: the step under way ends, the run saves itself, the process ends."""

import contextlib
import signal
import sys
from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}


class Stopped(BaseException):
    """A signal came while there was nothing to save. Not an Exception: no handler of errors holds it up."""


class Interruption:
    """Minds SIGTERM and Ctrl-C for the time of a `with` block; the handlers of before come back after it.

        with Interruption() as stop:
            state = training.train_and_evaluate(config, workdir, data_dir, enough=stop)
            stop.end(int(state.step))

    Until it is first asked, a signal ends the block at once (Stopped); from then on it is only noted,
    for who asks to save and to stop. A second Ctrl-C ends the process at once. A signal that is ignored
    (a command in the background, a child whose parent minds the keyboard) stays ignored.
    """

    def __init__(self):
        self.signal: signal.Signals | None = None
        self._asked = False
        self._before = {}

    def __enter__(self) -> "Interruption":
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                # None where another language's handler was there: it cannot be put back.
                self._before[number] = signal.signal(number, self._note) or signal.SIG_DFL
        return self

    def __exit__(self, kind: type | None, *_) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if kind is Stopped:
            self.end()

    def __call__(self) -> bool:
        """Whether to stop now."""
        self._asked = True
        return self.signal is not None

    @contextlib.contextmanager
    def later(self) -> Iterator[None]:
        """A signal that comes within this block is minded at its end, not at once.

        For imports: some modules of JAX's, broken off while they load, end the process with a crash.
        """
        asked, self._asked = self._asked, True
        yield
        self._asked = asked
        if self.signal is not None and not asked:
            raise Stopped

    def end(self, step: int | None = None) -> None:
        """Where a signal came, says so and exits: 0 after SIGTERM, 130 after Ctrl-C."""
        if self.signal is None:
            return
        where = "" if step is None else f" at step {step}"
        print(
            f"stopped by {self.signal.name}{where}; the same command goes on",
            file=sys.stderr,
            flush=True,
        )
        sys.exit(EXIT_CODES[self.signal])

    def _note(self, number: int, _) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        first, self.signal = self.signal is None, self.signal or signal.Signals(number)
        if first and not self._asked:
            raise Stopped
