"""docs/keypoints.md tells every layout and format as the tables have them."""

import pathlib

from pgjax import keypoints

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "keypoints.md"


def _table(head, rows):
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _layouts():
    rows = []
    for name, layout in keypoints.LAYOUTS.items():
        joints = ", ".join(layout.joints)
        joints += f", {layout.more} points of face and hands" if layout.more else ""
        rows.append(
            (f"`{name}`", str(layout.count), joints, layout.neck, layout.missing, layout.source)
        )
    head = ("layout", "joints", "in this order", "neck", "missing joint", "source and version")
    return _table(head, rows)


def _formats():
    rows = [
        (
            f"`{name}`",
            f"`{format.extension}`",
            format.what,
            "yes" if name in keypoints.WRITTEN else "",
        )
        for name, format in keypoints.FORMATS.items()
        if name in keypoints.WRITTEN or name not in keypoints.LAYOUTS
    ]
    return _table(("format", "file", "what", "also written"), rows)


def test_the_page_holds_the_tables():
    """A table that differs is shown as it should be."""
    page = PAGE.read_text()
    for mark, table in (("layouts", _layouts()), ("formats", _formats())):
        held = page.partition(f"<!-- {mark} -->\n")[2].partition("\n<!-- end -->")[0]
        assert held == table
