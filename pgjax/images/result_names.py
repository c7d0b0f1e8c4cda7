"""The pair of photos that the name of a picture means, in the ways in which systems name their results.

The rules of pgjax.images.photo_names apply to source and target. One of SEPARATORS stands between them,
and one of ENDINGS after them:

    SOURCE_TARGET.png                                       Siarohin et al. 2018, SPGNet
    SOURCE.jpg___TARGET.jpg_vis.png                         PATN, ADGAN
    SOURCE_2_TARGET_vis.jpg                                 GFLA, DPTN; NTED, PIDM and PoCoLD as .png
    SOURCE_TARGET_vis.jpg                                   PISE
    SOURCE_to_TARGET.png                                    PCDMs, evaluate.py
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pgjax.files.file_types import PHOTOS
from pgjax.images.photo_names import Names

Pair = tuple[str, str]
SEPARATORS = ("___", "__", "_to_", "_2_", "_", "-to-", "-2-", "-")


class Ending(NamedTuple):
    """What a picture whose name ends so shows.

    panels: by their number, which one is the target (None: none is) and which the generated image. count:
    whether it is the result; else it is passed over where the pair has one.
    """

    panels: Mapping[int, tuple[int | None, int]]
    counts: bool


_PANELS = {
    1: (None, 0),
    2: (None, 1),
    3: (1, 2),  # source | target | generated (Siarohin et al.)
    4: (2, 3),  # source | its pose or the target's | target | generated
    5: (2, 4),  # source | its pose | target | its pose | generated (PATN and its descendants)
    6: (4, 5),  # source | its parts | target's pose | its mask | target | generated (MUST-GAN)
}
ENDINGS = {
    "": Ending(_PANELS, True),
    "_vis": Ending(_PANELS, True),
    "_gen": Ending(_PANELS, True),
    # What GFLA, PISE and their descendants write beside _vis: source | generated | target, and the inputs.
    "_all": Ending({3: (2, 1)}, False),
    "_ref": Ending({}, False),
    "_gt": Ending({}, False),
}


class ResultNames:
    """The names that pictures of some pairs may have."""

    def __init__(self, pairs: Iterable[Pair]):
        self._pairs = set(pairs)
        self._photos = Names({photo: None for pair in pairs for photo in pair})

    def pairs(self, name: str) -> dict[Pair, str]:
        """The pairs that a name may tell (none, one or several), each with the name's ending.

        Args:
          name: with its folders, which may be a part of it, and its extension, if it has any.
        """
        while True:
            rest, _, extension = name.rpartition(".")
            more = bool(rest) and f".{extension.lower()}" in PHOTOS
            name = rest if more else name
            found = self._told(name)
            if found or not more:
                return found

    def _told(self, stem: str) -> dict[Pair, str]:
        found: dict[Pair, str] = {}
        for ending in ENDINGS:
            if stem.lower().endswith(ending):
                for pair in self._split(stem[: len(stem) - len(ending)]):
                    found.setdefault(pair, ending)
        return found

    def _split(self, text: str) -> Iterable[Pair]:
        """Every pair that a text names, wherever it is cut in two."""
        for between in SEPARATORS:
            place = text.find(between)
            while place != -1:
                sources = self._photos.closest(text[:place])
                targets = self._photos.closest(text[place + len(between) :]) if sources else ()
                yield from self._pairs.intersection((a, b) for a in sources for b in targets)
                place = text.find(between, place + 1)
