"""What commands say of waits: lines before them, and no time left before it means something."""

import io

import pytest

from pgjax import progress
from pgjax.progress import Progress, announce, duration, watched


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves on."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def run(clock, seconds, total=None, **options):
    """A loop whose calls take so many seconds each."""
    with Progress(total or len(seconds), "stage1", "step", **options) as bar:
        for took in seconds:
            clock.now += took
            bar.update()


def test_an_announcement_is_one_line(capsys):
    announce("reading the 12 train photos of people")
    assert capsys.readouterr().err == "reading the 12 train photos of people ...\n"


def test_the_first_call_which_compiles_tells_nothing_of_the_time_left(clock, capsys):
    """A minute of compiling, then a second a step: 690 s are left after 10 steps, not 70 times 60."""
    run(clock, [60.0] + [1.0] * 10, total=700)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "stage1: 1 of 700 steps"  # after ten seconds and more, and no guess
    assert lines[1] == "stage1: 11 of 700 steps, 1.0 steps/s, 11 min left"
    assert lines[2] == "stage1: 11 of 700 steps, in 1 min" and len(lines) == 3


def test_a_few_steps_are_waited_for(clock, capsys):
    run(clock, [50.0] + [30.0] * 4, total=100)
    lines = capsys.readouterr().err.splitlines()
    assert [" left" in line for line in lines] == [False, False, False, True, True, False]
    assert lines[3] == "stage1: 4 of 100 steps, 30.0 s/step, 48 min left"


def test_what_was_done_before_is_no_measure_of_speed(clock, capsys):
    run(clock, [1.0] * 20, total=700, done=350)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "stage1: 360 of 700 steps, 1.0 steps/s, 6 min left"


def test_a_pause_tells_nothing_of_the_time_left(clock, capsys):
    with Progress(700, "stage1", "step") as bar:
        for _ in range(9):
            clock.now += 1.0
            bar.update()
        with bar.paused():
            clock.now += 60.0
        clock.now += 1.0
        bar.update()
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == "stage1: 10 of 700 steps, 1.0 steps/s, 12 min left"


def test_losses_stand_beside_it(clock, capsys):
    with Progress(700, "stage1", "step") as bar:
        bar.tell(g="0.4310", d="1.2000")
        for _ in range(12):
            clock.now += 1.0
            bar.update()
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == "stage1: 10 of 700 steps, 1.0 steps/s, 12 min left, g 0.4310, d 1.2000"


def test_what_is_short_or_quiet_or_nothing_has_no_line(clock, capsys):
    run(clock, [0.1] * 10)
    run(clock, [])
    run(clock, [60.0] * 10, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with Progress(700, "stage1", "step") as bar:
        clock.now += 400.0
        bar.update()
        bar._bar.refresh()
        assert "1/700" in terminal.getvalue() and "left" not in terminal.getvalue()
        announce("step 1: saving a checkpoint")
        for _ in range(5):
            clock.now += 2.0
            bar.update()
        bar._bar.refresh()
    text = terminal.getvalue()
    assert "\rstep 1: saving a checkpoint ...\n" in text
    assert "stage1:   1%" in text and "2.0 s/step, 23 min left" in text


def test_items_are_watched(clock, capsys):
    def items():
        for item in "abc":
            clock.now += 20.0
            yield item

    assert list(watched(items(), 3, "reading", "picture")) == ["a", "b", "c"]
    first, second, last = capsys.readouterr().err.splitlines()
    assert (first, second) == ("reading: 1 of 3 pictures", "reading: 2 of 3 pictures")
    assert last == "reading: 3 of 3 pictures, in 1 min"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (740, "12 min"),
        (3_570, "1 h 0 min"),
        (28_140, "7 h 49 min"),
    ],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text
