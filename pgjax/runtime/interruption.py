"""SIGTERM and Ctrl-C: what is under way is put in order, then the process ends, with one line and its code.

XLA compiles in threads of its own. A signal reaches the thread that waits for one, not the one that
compiles; Python would end JAX's client under it, wait for it all the same, and crash when it is done. So a
process that a signal ends leaves by os._exit (`leave`), after everything was closed and flushed.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Generator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}
SAVING = ("train", "study")
"""Commands that SIGTERM ends with the code 0, since they go on later; it kills others, as ever."""

PATIENCE = 5.0
"""Seconds in which an exception that a signal raised has to arrive. Not every one does: what is raised while
Python calls a destructor, or a library's hook, is dropped there, and some code holds up all exceptions."""
GOES_ON = "; the same command goes on"


class Stopped(BaseException):
    """A signal came while there was nothing to save. Not an Exception: no handler of errors holds it up."""


def begin(command: str) -> None:
    """From now on signals end this process at once, until `unwinding` or an Interruption minds them.

    To be called by commands before anything is imported that takes its time, by the name of the command.
    A signal that is ignored stays ignored.
    """
    for number in SIGNALS if command in SAVING else (signal.SIGINT,):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _at_once)
    unblock()


def block() -> None:
    """Holds signals back while this process is begun again as another program (process.begin)."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock() -> None:
    """Lets those come that `block` held back."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextlib.contextmanager
def unwinding() -> Generator[None]:
    """Ctrl-C within the block leaves it by KeyboardInterrupt, then ends the process; a second, at once.

    Only in the process of a command (`begin`); within another the block is left as it is.
    """
    if signal.getsignal(signal.SIGINT) is not _at_once:
        yield
        return
    watches: list[threading.Timer] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if _loading(frame):
            end(signal.Signals(number))
        watches.append(_watch(PATIENCE, signal.Signals(number)))
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        end(signal.SIGINT)
    finally:
        for watch in watches:
            watch.cancel()
        signal.signal(signal.SIGINT, _at_once)


def end(number: signal.Signals, more: str = "") -> NoReturn:
    """Says that a signal ends the process, and leaves it."""
    _say(number, more)
    leave(EXIT_CODES[number])


def leave(code: int) -> NoReturn:
    """Ends the process with nothing but what is printed put in order: threads may go on that compile."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # nobody reads it any more, or there is none
            stream.flush()
    os._exit(code)


class Interruption:
    """Minds SIGTERM and Ctrl-C for the time of a `with` block; the handlers of before come back after it.

        with Interruption() as stop:
            state = training.train_and_evaluate(config, workdir, data_dir, enough=stop)
            stop.end(int(state.step))

    Until it is first asked, a signal ends the block at once (Stopped), and the process with it; from then
    on it is only noted, for who asks to save and to stop. A second Ctrl-C ends the process at once. A
    signal that is ignored (a command in the background, a child whose parent minds the keyboard) stays
    ignored.
    """

    def __init__(self, patience: float = PATIENCE):
        """patience: seconds that leaving the block may take, where a signal ends it at once."""
        self.signal: signal.Signals | None = None
        self._patience, self._watch = patience, None
        self._asked = False
        self._before = {}

    def __enter__(self) -> "Interruption":
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                # None where another language's handler was there: it cannot be put back.
                self._before[number] = signal.signal(number, self._note) or signal.SIG_DFL
        return self

    def __exit__(self, kind: type | None, *_) -> None:
        if kind is Stopped and self.signal is not None:
            end(self.signal, GOES_ON)
        if self._watch is not None:
            self._watch.cancel()
        for number, before in self._before.items():
            signal.signal(number, before)

    def __call__(self) -> bool:
        """Whether to stop now."""
        self._asked = True
        if self._watch is not None:  # Stopped was held up somewhere; from here on there is order
            self._watch.cancel()
        return self.signal is not None

    def end(self, step: int | None = None) -> None:
        """Where a signal came, says so and exits: 0 after SIGTERM, 130 after Ctrl-C."""
        if self.signal is not None:
            _say(self.signal, f"{'' if step is None else f' at step {step}'}{GOES_ON}")
            sys.exit(EXIT_CODES[self.signal])

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        first, self.signal = self.signal is None, self.signal or signal.Signals(number)
        if first and not self._asked:
            if _loading(frame):
                end(self.signal, GOES_ON)
            self._watch = _watch(self._patience, self.signal, GOES_ON)
            raise Stopped


def _at_once(number: int, _: FrameType | None) -> NoReturn:
    end(signal.Signals(number))


def _watch(seconds: float, number: signal.Signals, more: str = "") -> threading.Timer:
    """Ends the process after so many seconds, unless it is cancelled."""
    watch = threading.Timer(seconds, end, (number, more))
    watch.daemon = True
    watch.start()
    return watch


def _loading(frame: FrameType | None) -> bool:
    """Whether a module is being imported: some of JAX's, broken off while they load, crash."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _say(number: signal.Signals, more: str) -> None:
    line = f"stopped by {number.name}{more}"
    try:
        print(line, file=sys.stderr, flush=True)
    except RuntimeError:  # the signal came while something was printed
        os.write(2, f"\n{line}\n".encode())
    except (OSError, ValueError):  # as in `leave`
        pass
