"""What a protocol is: every choice by which a table was measured, as one frozen record."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pgjax.images.resizing import RULES
from pgjax.metrics import METRICS
from pgjax.metrics.records import Ssim

PERSON, POSE = "person", "pose"
TARGET, SOURCE = "target", "source"
INCEPTION = "inception-2015-12-05"
IMAGENET = "inception_v3_google-0cc3c7bd"
"""Networks of features: the graph of 2015, and torchvision's of ImageNet, named after their files."""

SYMMETRIC, RENORMALISED, UNIT = "symmetric", "renormalised", "unit"
"""Grey values that a network gets: [-1, 1]; what torchvision's `transform_input` makes of [0, 1], though it
expects values normalised by ImageNet's means and deviations, so that red becomes [-0.03, 0.43]; [0, 1]."""


def table(**columns: str) -> Mapping[str, str]:
    return MappingProxyType(columns)


@dataclasses.dataclass(frozen=True)
class Mask:
    """The mask of masked metrics: the person is kept, the rest becomes black.

    Attributes:
      kind: "person" (raster.person_mask: rectangles along limbs, docs/reference_facts.md, 6.3) or "pose"
        (raster.pose_mask: discs along limbs, docs/reference_facts.md, 2.6).
      of: whose pose, "target" or "source".
      radius: in pixels.
    """

    kind: str = PERSON
    of: str = TARGET
    radius: int = 4


@dataclasses.dataclass(frozen=True)
class Resize:
    """Another size.

    Attributes:
      size: (height, width).
      rule: a name in images.resizing.RULES.
    """

    size: tuple[int, int]
    rule: str

    def record(self) -> dict[str, Any]:
        return {"size": list(self.size), "rule": self.rule, **RULES[self.rule]._asdict()}


@dataclasses.dataclass(frozen=True)
class Frame:
    """How photos of a data set are laid before they are compared: cut, resized and padded, in this order.

    Attributes:
      crop: (height, width) that is cut from the middle of larger images; None: nothing is cut.
      pad: pixels added left and right.
      value: of those pixels, 0 to 255; a mask is 0 there.
      resize: what is left is made this size; None: it keeps its own.
    """

    crop: tuple[int, int] | None = None
    pad: int = 0
    value: int = 255
    resize: Resize | None = None

    def size(self, before: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of photos that had this one before."""
        height, width = before if self.crop is None else self.crop
        if self.resize is not None:
            height, width = self.resize.size
        return height, width + 2 * self.pad

    def record(self) -> dict[str, Any]:
        return {
            "crop": None if self.crop is None else list(self.crop),
            "pad": self.pad,
            "value": self.value,
            "resize": None if self.resize is None else self.resize.record(),
        }


def frames(**by_data_set: Frame) -> Mapping[str, Frame]:
    return MappingProxyType(by_data_set)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Attributes:
    name: as in --protocol.
    source: whose text or code says so.
    pairs: which list of pairs; another one is given with --pairs.
    listed: its metrics, names in METRICS, in the order of tables; None: all that METRICS says are `own`.
    columns: which of them is meant by a column of published tables.
    mask: of the metrics called mask_...
    frames: by data set; photos of others are taken as they are.
    seen: by data set, what networks are given, where it is not what `frames` says.
    splits: into which Inception Score divides the images, in the order of the list of pairs.
    features: the network of Inception Score, FID and KID, and its weights: INCEPTION or IMAGENET.
    scaling: the grey values that it gets, SYMMETRIC or RENORMALISED.
    lpips_scaling: those that the network of LPIPS gets, SYMMETRIC or UNIT.
    reference: the real images of FID and KID: "train" (all training photos) or "targets" (of the
      pairs).
    fid_batch: FID and KID take the images of either side in batches of so many, and the last one is left out
      where it is not full (unless it is the only one); 1: none is left out.
    lpips_batch: likewise, of LPIPS.
    jpeg: quality of the JPEG files through which a run's images go before they are judged, as its system
      writes them; None: no file changes them.
    notes: what else differs from other protocols, and what is not known.
    """

    name: str
    source: str
    pairs: str
    listed: tuple[str, ...] | None
    columns: Mapping[str, str]
    mask: Mask = Mask()
    frames: Mapping[str, Frame] = dataclasses.field(default_factory=lambda: frames())
    seen: Mapping[str, Frame] = dataclasses.field(default_factory=lambda: frames())
    splits: int = 10
    features: str = INCEPTION
    scaling: str = SYMMETRIC
    lpips_scaling: str = SYMMETRIC
    reference: str = "train"
    fid_batch: int = 1
    lpips_batch: int = 1
    jpeg: int | None = None
    notes: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of its metrics, in the order of tables."""
        if self.listed is not None:
            return self.listed
        return tuple(name for name, metric in METRICS.items() if metric.own)

    def frame(self, dataset: str, networks: bool = False) -> Frame | None:
        """How photos of a data set are laid: for metrics of pixels, or for those that read networks."""
        found = self.frames.get(dataset)
        return self.seen.get(dataset, found) if networks else found

    def record(self) -> dict[str, Any]:
        """All choices, as JSON knows them, with the settings of each SSIM."""
        names = ("metrics" if f.name == "listed" else f.name for f in dataclasses.fields(self))
        values = {name: getattr(self, name) for name in names}
        laid = {
            key: {name: frame.record() for name, frame in values[key].items()}
            for key in ("frames", "seen")
        }
        return (
            values
            | {
                "metrics": list(self.metrics),
                "columns": dict(self.columns),
                "mask": dataclasses.asdict(self.mask),
                "ssim": {name: _settings(name) for name in self.metrics if _settings(name)},
            }
            | laid
        )


def _settings(name: str) -> dict[str, Any]:
    metric = METRICS.get(name)
    names = ("window", "size", "sigma", "data_range", "grey")
    return {key: getattr(metric, key) for key in names} if isinstance(metric, Ssim) else {}


PUBLISHED_PAIRS = "the data set's published test pairs"
WHITE = Frame(crop=(256, 176), pad=40, value=255)
"""DeepFashion's 176 columns between white ones."""
