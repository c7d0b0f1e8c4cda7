"""The rooms of the package, what imports what, and the picture of it.

    python docs/layout.py [CHECKOUT] [--out docs/layout.svg]

A room is a module or a package that lies directly in CHECKOUT/pgjax (not pgjax/__init__.py). An arrow is from
a room to another that it imports, wherever in the room the import stands. A room's floor is one above the
highest room that it imports. Prints how many rooms, floors and arrows there are, and the rooms by floor.

The picture leaves out the arrows that follow from others: where A imports B, and B imports C, none is drawn
from A to C. A test holds that docs/layout.svg is the picture of the code beside it.
"""

import argparse
import ast
import graphlib
import html
import pathlib
import statistics
import textwrap
from collections.abc import Iterator, Mapping

WIDE, HIGH, GAP = 300, 62, 40  # of a room, and between floors; pixels
CENTRES = (160, 500)  # of the leftmost and the rightmost room
INK, PAPER, EDGE = "#1f2937", "#eef2ff", "#6366f1"

Rooms = Mapping[str, set[str]]


def rooms(home: pathlib.Path) -> Rooms:
    """For each room of the package in `home` the others that it imports.

    Raises:
      SystemExit: there is no package.
    """
    if not (home / "__init__.py").is_file():
        raise SystemExit(f"{home}: no package")
    found: dict[str, set[str]] = {}
    for path in sorted(home.rglob("*.py")):
        if path != home / "__init__.py":
            room = path.relative_to(home).parts[0].removesuffix(".py")
            found.setdefault(room, set()).update(_imported(path, home.name))
    return {room: (below & found.keys()) - {room} for room, below in sorted(found.items())}


def _imported(path: pathlib.Path, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == package and rest:
                yield rest.partition(".")[0]


def floors(found: Rooms) -> list[list[str]]:
    """The rooms by floor, the lowest first.

    Raises:
      graphlib.CycleError: names rooms that import each other.
    """
    floor: dict[str, int] = {}
    for room in graphlib.TopologicalSorter(found).static_order():
        floor[room] = 1 + max((floor[below] for below in found[room]), default=-1)
    return [[r for r in sorted(floor) if floor[r] == n] for n in range(max(floor.values()) + 1)]


def count(found: Rooms) -> str:
    """How many rooms, floors and arrows, in words."""
    arrows = sum(len(below) for below in found.values())
    return f"{len(found)} rooms on {len(floors(found))} floors, {arrows} arrows"


def _drawn(found: Rooms) -> dict[str, list[str]]:
    """The arrows without those that follow from others."""
    reached: dict[str, set[str]] = {}
    for room in graphlib.TopologicalSorter(found).static_order():
        reached[room] = set(found[room]).union(*(reached[below] for below in found[room]))
    return {
        room: sorted(b for b in below if not any(b in reached[other] for other in below))
        for room, below in found.items()
    }


def _centres(levels: list[list[str]], drawn: Mapping[str, list[str]]) -> dict[str, float]:
    """Where each room stands: above what it imports, the rooms of one floor side by side."""
    left, right = CENTRES
    centres: dict[str, float] = {}
    for level in levels:
        wished = {
            room: statistics.fmean([centres[b] for b in drawn[room]] or CENTRES) for room in level
        }
        if len(level) == 1:
            centres |= wished
            continue
        for place, room in enumerate(sorted(level, key=lambda room: (wished[room], room))):
            centres[room] = left + (right - left) * place / (len(level) - 1)
    return centres


def _summary(home: pathlib.Path, room: str) -> str:
    path = home / room / "__init__.py"
    path = path if path.is_file() else home / f"{room}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("`", "")


def svg(home: pathlib.Path) -> str:
    """The picture of the package in `home`: the highest floor on top."""
    found = rooms(home)
    levels, drawn = floors(found), _drawn(found)
    centres = _centres(levels, drawn)
    tops = {
        room: GAP / 2 + (len(levels) - 1 - n) * (HIGH + GAP)
        for n, level in enumerate(levels)
        for room in level
    }
    size = f"{sum(CENTRES):g} {len(levels) * (HIGH + GAP):g}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif">',
        "<title>The wings of pgjax, and what imports what</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0 0 8 4 0 8z" fill="{EDGE}"/></marker></defs>',
        f'<rect width="100%" height="100%" fill="white"/><g stroke="{EDGE}" stroke-width="1.5">',
    ]
    for room, below in drawn.items():
        for other in below:
            lines.append(
                f'<line x1="{centres[room]:g}" y1="{tops[room] + HIGH:g}" x2="{centres[other]:g}" '
                f'y2="{tops[other]:g}" marker-end="url(#tip)"/>'
            )
    lines.append("</g>")
    for room, top in tops.items():
        x = centres[room]
        lines.append(
            f'<rect x="{x - WIDE / 2:g}" y="{top:g}" width="{WIDE}" height="{HIGH}" rx="6" '
            f'fill="{PAPER}" stroke="{EDGE}"/>'
        )
        lines.append(
            f'<text x="{x:g}" y="{top + 18:g}" font-size="14" font-weight="bold" '
            f'text-anchor="middle" fill="{INK}">{room}</text>'
        )
        for n, line in enumerate(textwrap.wrap(_summary(home, room), 52)):
            lines.append(
                f'<text x="{x:g}" y="{top + 34 + 12 * n:g}" font-size="10.5" text-anchor="middle" '
                f'fill="{INK}">{html.escape(line)}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description="Count and draw the rooms of pgjax.")
    parser.add_argument("checkout", nargs="?", default=".", help="default: this folder")
    parser.add_argument("--out", metavar="FILE", help="write the picture (SVG)")
    arguments = parser.parse_args()
    home = pathlib.Path(arguments.checkout) / "pgjax"
    found = rooms(home)
    print(count(found))
    for n, level in reversed(list(enumerate(floors(found), 1))):
        print(f"{n:3}  {', '.join(level)}")
    if arguments.out:
        pathlib.Path(arguments.out).write_text(svg(home), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
