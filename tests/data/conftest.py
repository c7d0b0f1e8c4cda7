"""A tiny Market-1501 in the official layout, to build and to break."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ARCHIVE = "Market-1501-v15.09.15"
NAMES = {
    "bounding_box_train": (
        "0007_c1s1_000001_01.jpg",
        "0002_c1s1_000451_03.jpg",
        "0007_c2s1_000002_01.jpg",
        "0002_c2s1_000776_01.jpg",
        "0002_c5s1_000451_03.jpg",
    ),
    "bounding_box_test": (
        "-1_c1s1_000401_03.jpg",
        "0003_c1s1_000151_01.jpg",
        "0000_c1s1_000151_01.jpg",
        "0003_c4s1_000151_01.jpg",
    ),
    "query": ("0003_c2s1_000151_01.jpg",),
}


class FakeMarket:
    """Random photos and poses in `raw`; the first joint of every person is missing."""

    def __init__(self, raw: Path):
        self.raw = raw
        self.unpacked = raw / ARCHIVE
        self.zip_file = raw / f"{ARCHIVE}.zip"
        self.names = NAMES
        self.train_csv = raw / "market-annotation-train.csv"
        self.test_csv = raw / "market-annotation-test.csv"
        self.pairs_csv = raw / "market-pairs-test.csv"
        random = np.random.default_rng(0)
        for folder, names in NAMES.items():
            (self.unpacked / folder).mkdir(parents=True)
            for name in names:
                self.write_photo(folder, name, random=random)
        (self.unpacked / "bounding_box_train" / "Thumbs.db").write_bytes(b"as in the official zip")
        for path, folder in (
            (self.train_csv, "bounding_box_train"),
            (self.test_csv, "bounding_box_test"),
        ):
            lines = ["name:keypoints_y:keypoints_x"]
            for name in NAMES[folder]:
                y, x = random.integers(0, 128, 18).tolist(), random.integers(0, 64, 18).tolist()
                y[0] = -1
                lines.append(f"{name}: {y}: {x}")
            path.write_text("\n".join(lines) + "\n")
        self.pairs_csv.write_text("from,to\n0003_c4s1_000151_01.jpg,0003_c1s1_000151_01.jpg\n")

    def photo(self, folder: str, name: str) -> Path:
        return self.unpacked / folder / name

    def write_photo(self, folder, name, size=(128, 64), mode="RGB", form="JPEG", random=None):
        random = random or np.random.default_rng(1)
        pixels = random.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).convert(mode).save(self.photo(folder, name), form, quality=95)

    def replace(self, path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def pack(self) -> None:
        """Replaces the unpacked folder by the zip, stored without compression as the official one."""
        with zipfile.ZipFile(self.zip_file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(self.unpacked.rglob("*")):
                archive.write(path, path.relative_to(self.raw))
        shutil.rmtree(self.unpacked)


@pytest.fixture
def market(tmp_path) -> FakeMarket:
    (tmp_path / "raw").mkdir()
    return FakeMarket(tmp_path / "raw")
