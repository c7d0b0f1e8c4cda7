"""The automatic names of tf.contrib.slim's layers: numbered in each scope in the order of their making."""

from collections.abc import Iterable, Iterator

from pgjax.serving.published.records import Entry, Table


def convolutions(scope: str, paths: Iterable[str]) -> Table:
    """Of our convolutions, in the order in which theirs are made."""
    return _layers(f"{scope}/Conv", paths)


def dense(scope: str, paths: Iterable[str]) -> Table:
    """Of our dense layers; else as `convolutions`."""
    return _layers(f"{scope}/fully_connected", paths)


def u_net(scope: str, levels: int, place: str = "") -> Table:
    """Of nets.pg2.u_net in our module at `place`: "", or its path with a slash at the end."""

    def paths() -> Iterator[str]:
        yield f"{place}encoder/in"
        yield from tower(f"{place}encoder", levels)
        for level in reversed(range(levels)):
            yield from pair(f"{place}up{level}")
            if level:
                yield f"{place}reduce{level}"
        yield f"{place}out"

    codes = (f"{place}encoder/code", f"{place}decode")
    return {**convolutions(scope, paths()), **dense(scope, codes)}


def tower(place: str, levels: int) -> Iterator[str]:
    """The convolutions that halve an image, level by level: two at each, one on the way to the next."""
    for level in range(levels):
        if level:
            yield f"{place}/halve{level}"
        yield from pair(f"{place}/down{level}")


def pair(place: str) -> tuple[str, str]:
    """The two convolutions of a nets.pg2.Pair."""
    return f"{place}/conv0", f"{place}/conv1"


def _layers(name: str, paths: Iterable[str]) -> Table:
    table = {}
    for number, path in enumerate(paths):
        layer = f"{name}_{number}" if number else name
        table[f"params/{path}/kernel"] = Entry(f"{layer}/weights")
        table[f"params/{path}/bias"] = Entry(f"{layer}/biases")
    return table
