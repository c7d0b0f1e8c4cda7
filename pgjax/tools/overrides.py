"""Changes to a row's config: one key, or the steps of all its stages."""

import ast
import fnmatch
from typing import Any

from ml_collections import ConfigDict

from pgjax.errors import InputError, known


def set_key(config: ConfigDict, assignment: str) -> None:
    """Sets every key of a row's config that KEY of "KEY=VALUE" matches.

    KEY is dotted; each part may be a pattern of shell's kind ("networks.*.options.features"). VALUE is a
    Python literal, or the text itself where the key holds text.

    Raises:
      InputError: not of this form, no such key, or a value of another type than the key's.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not all(key.split(".")):
        raise InputError(f"--set: expected KEY=VALUE, got {assignment!r}")
    found: list[tuple[ConfigDict, str]] = []
    groups, above = [config], config.row
    for part in key.split("."):
        found = [(group, name) for group in groups for name in _matches(group, part)]
        if not found:
            there = known(part, dict.fromkeys(name for group in groups for name in group))
            raise InputError(
                f"--set {assignment}: {config.row} has no key {key}: {above} has {there}"
            )
        groups = [group[name] for group, name in found if isinstance(group[name], ConfigDict)]
        above = part if above == config.row else f"{above}.{part}"
    for group, name in found:
        group[name] = _value(group[name], text, f"--set {assignment}")


def _matches(group: ConfigDict, pattern: str) -> list[str]:
    return fnmatch.filter(group.keys(), pattern)


def _value(old: Any, text: str, where: str) -> Any:
    """`text` as a value of the type of `old`."""
    if isinstance(old, ConfigDict):
        raise InputError(f"{where}: has keys of its own, {', '.join(old)}")
    if isinstance(old, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = text
    if type(old) is float and type(value) is int:
        return float(value)
    if old is not None and type(value) is not type(old):
        raise InputError(f"{where}: expected {type(old).__name__}, such as {old!r}")
    return value


def set_steps(config: ConfigDict, total: int) -> None:
    """Gives a row `total` steps; its stages share them as they share the row's own, at least one each.

    Raises:
      InputError: fewer steps than stages.
    """
    stages = list(config.stages.values())
    if total < len(stages):
        raise InputError(
            f"--steps: {config.row} has {len(stages)} stages; expected at least as many steps, "
            f"got {total}"
        )
    whole = sum(stage.steps for stage in stages)
    for after, stage in zip(reversed(range(len(stages))), stages, strict=True):
        share = round(total * stage.steps / whole)
        whole -= stage.steps
        stage.steps = min(max(share, 1), total - after)
        total -= stage.steps
