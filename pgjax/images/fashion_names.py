"""Names of DeepFashion's In-shop photos: the data set's own paths and three flattened conventions.

    path        img/WOMEN/Blouses_Shirts/id_00000693/02_3_back.jpg
    patn        fashionWOMENBlouses_Shirtsid0000069302_3back.jpg      (Zhu et al. 2019)
    siarohin    fasionWOMENBlousesShirtsid0000069302_3back.jpg        (Siarohin et al. 2018)
    multimodal  WOMEN-Blouses_Shirts-id_00000693-02_3_back.jpg        (Jiang et al. 2022; read only)

See docs/reference_facts.md, 5.4. Photos of one identity show one outfit: a garment (id_...) and its two-digit
set.
"""

import re
from pathlib import PurePath, PurePosixPath
from typing import NamedTuple

from pgjax.errors import InputError

# As the data set's folders are called; flattening after Siarohin loses their underscores.
CATEGORIES = {
    "MEN": (
        "Denim",
        "Jackets_Vests",
        "Pants",
        "Shirts_Polos",
        "Shorts",
        "Suiting",
        "Sweaters",
        "Sweatshirts_Hoodies",
        "Tees_Tanks",
    ),
    "WOMEN": (
        "Blouses_Shirts",
        "Cardigans",
        "Denim",
        "Dresses",
        "Graphic_Tees",
        "Jackets_Coats",
        "Leggings",
        "Pants",
        "Rompers_Jumpsuits",
        "Shorts",
        "Skirts",
        "Sweaters",
        "Sweatshirts_Hoodies",
        "Tees_Tanks",
    ),
}
_FLAT = re.compile(r"fash?ion(WOMEN|MEN)([A-Za-z_]+)id(\d{8})(\d{2})_(\d)([a-z]+)", re.ASCII)
_FOLDERS = re.compile(
    r"(?:.*/)?(WOMEN|MEN)([/_-])([A-Za-z_]+)\2id_(\d{8})\2(\d{2})_(\d)_([a-z]+)", re.ASCII
)


class FashionName(NamedTuple):
    """What a photo's name says, the same for every convention.

    gender: "MEN" or "WOMEN". category: such as "BlousesShirts", without underscores. garment: eight
    digits. outfit: two digits. view: such as ("3", "back").
    """

    gender: str
    category: str
    garment: str
    outfit: str
    view: tuple[str, str]

    def path(self) -> str:
        """Where the published data set has the photo, from its folder `img` on.

        Raises:
          InputError: no category is called so.
        """
        folders = (self.gender, self._category(), f"id_{self.garment}")
        return "/".join(("img", *folders, f"{self.outfit}_{'_'.join(self.view)}.jpg"))

    def patn(self) -> str:
        """The flattened name of Zhu et al. 2019; raises as `path`."""
        return self._flat("fashion", self._category())

    def siarohin(self) -> str:
        """The flattened name of Siarohin et al. 2018."""
        return self._flat("fasion", self.category)

    def _flat(self, root: str, category: str) -> str:
        item = f"id{self.garment}{self.outfit}_{''.join(self.view)}.jpg"
        return root + self.gender + category + item

    def _category(self) -> str:
        for category in CATEGORIES[self.gender]:
            if category.replace("_", "") == self.category:
                return category
        raise InputError(
            f"DeepFashion has no category {self.category!r} for {self.gender}; there are "
            f"{', '.join(CATEGORIES[self.gender])}"
        )


def parse(name: str | PurePath) -> FashionName | None:
    """Reads a path or a flattened name in either convention, None where it is neither.

    Folders before `MEN` or `WOMEN` and before a flattened name do not matter, nor does the extension:
    copies in PNG are called as the JPEG files. Folders may be told apart by "\\" too.
    """
    path = PurePosixPath(str(name).replace("\\", "/"))
    if (match := _FLAT.fullmatch(path.stem)) is not None:
        gender, category, garment, outfit, *view = match.groups()
    elif path.name and (match := _FOLDERS.fullmatch(str(path.with_suffix("")))) is not None:
        gender, _, category, garment, outfit, *view = match.groups()
    else:
        return None
    return FashionName(gender, category.replace("_", ""), garment, outfit, (view[0], view[1]))


def root(name: str) -> str | None:
    """What a flattened name begins with, "fashion" or "fasion"; None for a path, or no such name."""
    stem = PurePath(name).stem
    match = _FLAT.fullmatch(stem)
    return None if match is None else stem[: match.start(1)]


def identity(name: str) -> str:
    """The outfit that a name shows, which is its identity: a flattened name up to the last "_"."""
    parsed = None if root(name) is not None else parse(name)
    return (name if parsed is None else parsed.siarohin()).rpartition("_")[0]
