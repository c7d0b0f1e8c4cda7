"""How commands end: 0 on success, 2 and one line on standard error where the input is at fault.

Errors that no user caused keep their traceback (and Python's exit code 1).
"""

import argparse
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from pgjax.errors import InputError, NonFiniteLossError, resembling
from pgjax.files import config_files, paths
from pgjax.runtime import interruption

LIBRARIES = {Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "purelib", "platlib")}


class ArgumentParser(argparse.ArgumentParser):
    """argparse's parser, saying in one line what is wrong."""

    program: str | None = None
    """How the command was called, where that was not `python -m MODULE` (pgjax.__main__, train.py)."""

    def __init__(self, *, prog: str, **options):
        super().__init__(prog=self.program or prog, **options)

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None):
        return super().parse_known_args(_at_home(args), namespace)

    def parse_known_intermixed_args(self, args: Iterable[str] | None = None, namespace: Any = None):
        return super().parse_known_intermixed_args(_at_home(args), namespace)

    def error(self, message: str) -> NoReturn:
        fail(f"{message} (--help lists the arguments)")


def fail(message: str) -> NoReturn:
    """Ends the program with exit code 2 and one line on standard error."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def run(main: Callable, *args):
    """Calls main(*args); an error that its input caused ends the program as `fail` does.

    Such are errors of the operating system (a file is missing, the disk is full) and those of
    pgjax.errors; all others are faults of the program and pass through. Ctrl-C ends the process of a
    command with one line and exit code 130 (interruption.unwinding). Python's warnings are one line too.

    Returns:
      What main returns.
    """
    formatted = warnings.formatwarning
    warnings.formatwarning = _warning  # ty: ignore[invalid-assignment]
    try:
        with interruption.unwinding():
            return main(*args)
    except OSError as error:
        # Of two names the second is the user's: files are written beside it and moved there.
        name = error.filename if error.filename2 is None else error.filename2
        if name is None:
            fail(str(error))
        fail(f"{name}: {error.strerror}")
    except (InputError, NonFiniteLossError) as error:
        fail(str(error))
    finally:
        warnings.formatwarning = formatted


def _warning(message: Warning | str, *_place, **_line) -> str:
    """Pillow warns of damaged EXIF and the like: its line of code tells a user nothing."""
    return f"warning: {' '.join(str(message).split())}\n"


def run_absl(main: Callable[[list[str]], object]) -> None:
    """Parses absl's flags and runs main([program]), with this module's exit codes, not absl's.

    `--help` and its like exit 0; an unknown flag, a bad value, a config that can't be loaded, an
    unknown config key and an argument that is no flag exit 2.
    """
    from absl import app, flags

    _tell_as_called(sys.modules["__main__"])

    def parse(argv: list[str]) -> list[str]:
        try:
            program, *rest = flags.FLAGS([argv[0], *_found(_at_home(argv[1:]))])
        except SystemExit:  # only flags like --help exit while flags are parsed, with code 1
            sys.exit(0)
        except InputError as error:
            fail(str(error))
        except ModuleNotFoundError as error:  # of a config file
            if (error.name or "").partition(".")[0] != "configs":
                raise
            fail(f"--config: {error}: {config_files.WHERE}")
        except flags.Error as error:
            fail(_config_message(error) or f"{error} (--help lists the flags)")
        except (AttributeError, LookupError) as error:
            fail(_key_message(error, argv))
        if rest:
            fail(f"unexpected argument {rest[0]!r} (--help lists the flags)")
        if flags.FLAGS["verbosity"].using_default_value:
            flags.FLAGS.verbosity = -1  # warnings; app.run would make it INFO
        return [program]

    run(lambda: app.run(lambda argv: run(main, argv), flags_parser=parse))


def _tell_as_called(main: ModuleType) -> None:
    """Absl's help is the docstring of the command, whose examples are of the script NAME.py."""
    if main.__spec__ is not None and main.__doc__:
        script = f"{main.__spec__.name.rpartition('.')[2]}.py"
        program = ArgumentParser.program or f"python -m {main.__spec__.name}"
        if program != script:
            main.__doc__ = main.__doc__.replace(f"python {script}", program)


def _found(words: list[str]) -> list[str]:
    """Arguments with the file of --config where it lies."""
    found, flag = [], ""
    for word in words:
        if flag in ("--config", "-config"):
            word = config_files.config_file(word)
        name, equals, value = word.partition("=")
        if equals and name in ("--config", "-config"):
            word = f"{name}={config_files.config_file(value)}"
        found.append(word)
        flag = word
    return found


def _at_home(words: Iterable[str] | None) -> list[str]:
    """Arguments (None: the program's) with ~ expanded, in --FLAG=~/... too, which shells leave alone."""
    found = []
    for word in sys.argv[1:] if words is None else words:
        flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        found.append(f"{flag}{equals}{paths.expanded(value)}")
    return found


def _config_message(error: BaseException) -> str | None:
    """What a config file itself says is wrong, without the traceback that ml_collections adds.

    Raises:
      The file's own error, if it is a fault of the program; see `run`.
    """
    if "Error whilst parsing config file" not in str(error):
        return None
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, InputError):
        return str(error)
    # Of ml_collections' own call: no file of ours or of the user is on the way.
    called = not any(_is_ours(trace.tb_frame.f_code) for trace in _traces(error))
    if called and isinstance(error, TypeError) and str(error).startswith("get_config() "):
        return f"--config: {config_files.wrong_row(given='missing' not in str(error))}"
    raise error


def _key_message(error: Exception, argv: list[str]) -> str:
    """Names the config key that does not exist; ml_collections says only its last part.

    Raises:
      The error, if the config file's code made it.
    """
    _, *below = _traces(error)  # the first is this module's
    if any(_is_ours(trace.tb_frame.f_code) for trace in below):
        raise error
    for argument in argv[1:]:
        name, *parts = argument.partition("=")[0].lstrip("-").split(".")
        if parts and (told := _unknown_part(_config(name, argv), name, parts)) is not None:
            return f"unknown config key {'.'.join([name, *parts])}. {told}"
    message: Any = error
    while isinstance(message, Exception):
        if isinstance(message, AttributeError) and message.name == "get_config":
            return f"{message.obj.__file__}: no config file: it has no function get_config"
        message = message.args[0]
    return f"unknown config key: {message}"


def _config(name: str, argv: list[str]) -> Any:
    """The config that the flag of that name asks for, without what overrides it; None where there is none."""
    from absl import flags

    given = iter(argv[1:])
    for argument in given:
        flag, equals, value = argument.partition("=")
        if flag.lstrip("-") == name and name in flags.FLAGS:
            return flags.FLAGS[name].parser.parse(value if equals else next(given, ""))
    return None


def _unknown_part(config: Any, name: str, parts: list[str]) -> str | None:
    """What a config has in the place of the first of the parts that it does not have."""
    above = name
    for part in parts:
        if "[" in part:  # a place in a tuple, which ml_collections checks
            return None
        if not hasattr(config, "items"):
            return None if above == name else f"{above} has no keys of its own"
        if part not in config:
            alike = resembling(part, config)
            hint = f'Did you mean "{alike}" instead of "{part}"? ' if alike else ""
            return f"{hint}{above} has {', '.join(config)}"
        config, above = config[part], f"{above}.{part}"
    return None


def _traces(error: BaseException) -> list[TracebackType]:
    traces = [error.__traceback__]
    while (trace := traces[-1].tb_next) is not None:
        traces.append(trace)
    return traces


def _is_ours(code: CodeType) -> bool:
    file = Path(code.co_filename).resolve()
    return config_files.PACKAGE in file.parents or not LIBRARIES.intersection(file.parents)
