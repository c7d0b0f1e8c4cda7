"""The pair of photos that the name of a picture means, in the ways in which systems name their results.

The rules of pgjax.images.photo_names apply to source and target. One of SEPARATORS stands between them,
and one of ENDINGS after them. NAMINGS says which of them a system writes, and what its pictures show:

    SOURCE_TARGET.png                                       Siarohin et al. 2018, SPGNet
    SOURCE.jpg___TARGET.jpg_vis.png                         PATN, ADGAN
    SOURCE_2_TARGET_vis.jpg                                 GFLA, DPTN; NTED, PIDM and PoCoLD as .png
    SOURCE_TARGET_vis.jpg                                   PISE
    SOURCE_to_TARGET.png                                    PCDMs, evaluate.py
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.files.file_types import PHOTOS
from pgjax.images.photo_names import Names

Pair = tuple[str, str]
SEPARATORS = ("___", "__", "_to_", "_2_", "_", "-to-", "-2-", "-")


Panels = Mapping[int, tuple[int | None, int]]
PADDED, STRETCHED = "padded", "stretched"


class Ending(NamedTuple):
    """What a picture whose name ends so shows.

    panels: by their number, which one is the target (None: none is) and which the generated image. counts:
    whether it is the result; else it is passed over where the pair has one.
    """

    panels: Panels
    counts: bool


class Spelling(NamedTuple):
    """What stands between the two photos of a name, and after them."""

    between: str
    ending: str


_PANELS = {
    1: (None, 0),
    2: (None, 1),
    3: (1, 2),  # source | target | generated (Siarohin et al.)
    4: (2, 3),  # source | its pose or the target's | target | generated
    5: (2, 4),  # source | its pose | target | its pose | generated (PATN and its descendants)
    6: (4, 5),  # source | its parts | target's pose | its mask | target | generated (MUST-GAN)
}
_ALONE = Ending({1: (None, 0)}, True)
# What GFLA, PISE and their descendants write beside _vis: source | generated | target, and the inputs.
_ALL, _INPUT = Ending({3: (2, 1)}, False), Ending({}, False)
ENDINGS = {
    "": Ending(_PANELS, True),
    "_vis": Ending(_PANELS, True),
    "_gen": Ending(_PANELS, True),
    "_all": _ALL,
    "_ref": _INPUT,
    "_gt": _INPUT,
}


class Naming(NamedTuple):
    """How a system names its pictures, and what they show.

    between: one of these stands between the photos. endings: what may stand after them. extensions: of its
    files; copies of another kind are taken too. square: what it makes of DeepFashion's 176 columns where its
    pictures have 256, PADDED or STRETCHED; None: they have 176. own: whether it names them in its own way,
    by which they are known.
    """

    between: tuple[str, ...]
    endings: Mapping[str, Ending]
    extensions: tuple[str, ...] = ()
    square: str | None = None
    own: bool = True

    def fits(self, spelling: Spelling) -> bool:
        return spelling.between in self.between and spelling.ending in self.endings

    def example(self) -> str:
        """A name as the system writes it."""
        extension = self.extensions[0] if self.extensions else ".png"
        return pattern(Spelling(self.between[0], next(iter(self.endings))), extension)


# As read in the repositories (docs/reference_facts.md, 6.6).
NAMINGS: Mapping[str, Naming] = {
    # tengteng95/Pose-Transfer: models/PATN.py, util/visualizer.py
    "patn": Naming(("___",), {"_vis": Ending({5: (2, 4)}, True)}, (".jpg", ".png")),
    # RenYurui/Global-Flow-Local-Attention: model/pose_model.py, model/base_model.py, data/base_dataset.py
    "gfla": Naming(
        ("_2_",),
        {"_vis": _ALONE, "_all": _ALL, "_ref": _INPUT, "_gt": _INPUT},
        (".jpg",),
        STRETCHED,
    ),
    # PangzeCheung/Dual-task-Pose-Transformer-Network: models/DPTN_model.py, models/base_model.py
    "dptn": Naming(("_2_",), {"_vis": _ALONE}, (".jpg",)),
    # RenYurui/Neural-Texture-Extraction-Distribution: data/fashion_data.py, scripts/prepare_data.py
    "nted": Naming(("_2_",), {"_vis": _ALONE}, (".png",)),
    # ankanbhunia/PIDM: utils/gen.py, data/fashion_data.py, data/prepare_data.py
    "pidm": Naming(("_2_",), {"_vis": _ALONE}, (".png",), STRETCHED),
    # tencent-ailab/PCDMs: stage3_batchtest_refined_model.py with --calculate_metrics
    "pcdms": Naming(("_to_",), {"": _ALONE}, (".png",), STRETCHED),
    # YanzuoLu/CFLD: pose_transfer_test.py writes none; README.md says the size of those to download
    "cfld": Naming(
        SEPARATORS, {ending: _ALONE for ending, what in ENDINGS.items() if what.counts}, own=False
    ),
    # AliaksandrSiarohin/pose-gan: test.py
    "deformable": Naming(("_",), {"": Ending({3: (1, 2)}, True)}, (".png",), PADDED),
    "pgjax": Naming(("_to_",), {"": _ALONE}, (".png",), PADDED),
    # Of any system.
    PADDED: Naming(SEPARATORS, ENDINGS, square=PADDED, own=False),
    STRETCHED: Naming(SEPARATORS, ENDINGS, square=STRETCHED, own=False),
}


def find(name: str | None) -> Naming | None:
    """The naming called so, None for None.

    Raises:
      InputError: none is.
    """
    if name is None or name in NAMINGS:
        return None if name is None else NAMINGS[name]
    raise InputError(f"--naming: unknown {name!r}; expected one of {', '.join(NAMINGS)}")


def pattern(spelling: Spelling, extension: str) -> str:
    """What such names look like, for people."""
    return f"SOURCE{spelling.between}TARGET{spelling.ending}{extension}"


class ResultNames:
    """The names that pictures of some pairs may have."""

    def __init__(self, pairs: Iterable[Pair]):
        self._pairs = set(pairs)
        self._photos = Names({photo: None for pair in pairs for photo in pair})

    def pairs(self, name: str) -> dict[Pair, Spelling]:
        """The pairs that a name may tell (none, one or several), each with how it does.

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

    def _told(self, stem: str) -> dict[Pair, Spelling]:
        found: dict[Pair, Spelling] = {}
        for ending in sorted(ENDINGS, key=len, reverse=True):  # in "b.jpg_vis" it is no extension
            if stem.lower().endswith(ending):
                for pair, between in self._split(stem[: len(stem) - len(ending)]):
                    found.setdefault(pair, Spelling(between, ending))
        return found

    def _split(self, text: str) -> Iterable[tuple[Pair, str]]:
        """Every pair that a text names, wherever it is cut in two."""
        for between in SEPARATORS:
            place = text.find(between)
            while place != -1:
                sources = self._photos.closest(text[:place])
                targets = self._photos.closest(text[place + len(between) :]) if sources else ()
                for pair in self._pairs.intersection((a, b) for a in sources for b in targets):
                    yield pair, between
                place = text.find(between, place + 1)
