"""A tiny DeepFashion in any of its layouts, to build and to break."""

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from pgjax.images.fashion_names import parse

NAMES = {
    "train": [
        "fashionMENTees_Tanksid0000001101_1front.jpg",
        "fashionWOMENDressesid0000002201_4full.jpg",
        "fashionMENTees_Tanksid0000001101_3back.jpg",
        "fashionMENTees_Tanksid0000001102_3back.jpg",
        "fashionWOMENDressesid0000002201_7additional.jpg",
        "fashionMENTees_Tanksid0000001101_2side.jpg",
    ],
    "test": [
        "fashionWOMENBlouses_Shirtsid0000033301_1front.jpg",
        "fashionWOMENBlouses_Shirtsid0000033301_2side.jpg",
        "fashionWOMENBlouses_Shirtsid0000033301_3back.jpg",
        "fashionWOMENGraphic_Teesid0000044402_1front.jpg",
        "fashionWOMENGraphic_Teesid0000044402_7additional.jpg",
    ],
}
PAIRS = ((0, 1), (3, 4), (2, 0), (1, 0))  # of the test photos


class FakeFashion:
    """Random photos in `raw/layout`; everyone's nose is missing, the neck is at the photo's number."""

    def __init__(self, raw: Path, layout: str = "img", text: str = "fasion-resize-{}-{}.csv"):
        self.raw = raw
        self._text = text
        self._written: dict[str, str] = {}
        raw.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        for split, names in NAMES.items():
            lines = ["name:keypoints_y:keypoints_x"]
            for number, name in enumerate(names):
                # Flattened names in the other convention than the photos', to be told the same.
                called = parse(name).siarohin() if "resize" not in text else name
                y, x = random.integers(5, 250, 18).tolist(), random.integers(60, 200, 18).tolist()
                y[0], x[0], y[1], x[1] = -1, -1, 100 + number, 128 + number
                lines.append(f"{called}: {y}: {x}")
                self._written[name] = called
                # A quarter of img_highres.zip's pixels: quicker, and larger than both sizes too.
                size = (551, 375) if layout == "highres" else (256, 256)
                self.write_photo(name, layout, size, random=random)
            self.text("annotation", split).write_text("\n".join(lines) + "\n")
        names = [self._written[name] for name in NAMES["test"]]
        lines = ["from,to", *(f"{names[a]},{names[b]}" for a, b in PAIRS)]
        self.text("pairs", "test").write_text("\n".join(lines) + "\n")
        if layout == "zip":
            self.pack()

    def called(self, name: str) -> str:
        """How the annotations call a photo of NAMES."""
        return self._written[name]

    def text(self, kind: str, split: str) -> Path:
        return self.raw / self._text.format(kind, split)

    def photo(self, name: str, layout: str = "img") -> Path:
        parsed = parse(name)
        return {
            "img": self.raw / "In-shop" / parsed.path(),
            "zip": self.raw / parsed.path(),
            "highres": self.raw / parsed.path().replace("img/", "img_highres/", 1),
            "patn": self.raw / "fashion_data" / parsed.patn(),
            "siarohin": self.raw / "fasion-dataset" / parsed.siarohin(),
            "png": self.raw / "images" / Path(parsed.patn()).with_suffix(".png"),
        }[layout]

    def write_photo(self, name, layout="img", size=(256, 256), mode="RGB", random=None):
        random = random or np.random.default_rng(1)
        path = self.photo(name, layout)
        path.parent.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8)
        Image.fromarray(small).resize(size[::-1]).convert(mode).save(path, quality=95)

    def shift(self, columns: int) -> None:
        """Rewrites all x coordinates, as the CSVs of the crop have them."""
        for split in NAMES:
            path = self.text("annotation", split)
            header, *lines = path.read_text().splitlines()
            moved = []
            for line in lines:
                name, y, x = line.split(":")
                values = [
                    int(v) if v.strip() == "-1" else int(v) + columns for v in x[2:-1].split(",")
                ]
                moved.append(f"{name}:{y}: {values}")
            path.write_text("\n".join([header, *moved]) + "\n")

    def pack(self, folder: str = "img") -> None:
        with zipfile.ZipFile(self.raw / f"{folder}.zip", "w") as archive:
            for path in sorted(self.raw.rglob(f"{folder}/**/*.jpg")):
                archive.write(path, path.relative_to(self.raw))
                path.unlink()
