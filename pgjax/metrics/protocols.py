"""Named protocols: every choice by which a published table was measured, as one frozen record.

A number under a protocol is comparable with another one under the same protocol, on the same data set
and the same list of pairs; nothing else is. Images are judged as the 8-bit RGB that a file holds.
"""

import dataclasses
from collections.abc import Mapping

from pgjax.errors import InputError
from pgjax.metrics import METRICS, of_pixels
from pgjax.metrics.later_protocols import LATER
from pgjax.metrics.protocol import (
    POSE,
    PUBLISHED_PAIRS,
    SOURCE,
    WHITE,
    Mask,
    Protocol,
    frames,
    table,
)
from pgjax.metrics.records import PLAIN, REFERENCE, SetMetric

_DEFORMABLE = table(
    ssim="ssim_reference",
    mask_ssim="mask_ssim_reference",
    l1="l1",
    mask_is="mask_is",
    ds="ds",
    **{"is": "is"},
)

OWN = Protocol(
    name="pgjax",
    source="this project",
    pairs=PUBLISHED_PAIRS,
    listed=None,
    columns=table(
        ssim="ssim", mask_ssim="mask_ssim", l1="l1", mask_is="mask_is", ds="ds", **{"is": "is"}
    ),
    notes="SSIM with data range 255 beside the reference code's; FID and KID against all training photos.",
)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        OWN,
        Protocol(
            name="pg2",
            source="Ma et al. 2017 as released: score.py, score_mask.py (docs/reference_facts.md, 6.1, 6.3)",
            pairs="12,800 pairs that cannot be rebuilt from what is published; here "
            + PUBLISHED_PAIRS,
            listed=("ssim_uniform", "mask_ssim_uniform", "l1_255", "psnr", "is", "mask_is"),
            columns=table(
                ssim="ssim_uniform",
                mask_ssim="mask_ssim_uniform",
                mask_is="mask_is",
                **{"is": "is"},
            ),
            mask=Mask(POSE, SOURCE, 4),
            notes=(
                "The paper masks with the target's pose; the released code reads the folder of the "
                "source's masks. L1 in units of 0 to 255."
            ),
        ),
        Protocol(
            name="pdig",
            source="Ma et al. 2018 as released: score.py, score_mask.py (docs/reference_facts.md, 6.1, 6.3)",
            pairs="batches of a shuffled, endless reader, in which pairs repeat; here "
            + PUBLISHED_PAIRS,
            listed=("ssim_grey", "mask_ssim_uniform", "is", "mask_is"),
            columns=table(
                ssim="ssim_grey", mask_ssim="mask_ssim_uniform", mask_is="mask_is", **{"is": "is"}
            ),
            mask=Mask(POSE, SOURCE, 7),
            notes=(
                "SSIM compares luminance, with the data range of the target's; mask-SSIM compares colours. "
                "The mask is that of the source's pose."
            ),
        ),
        Protocol(
            name="deformable",
            source="Siarohin et al. 2018 as released: test.py (docs/reference_facts.md, 6.1 to 6.5)",
            pairs=PUBLISHED_PAIRS,
            listed=("ssim_reference", "mask_ssim_reference", "l1", "is", "mask_is", "ds"),
            columns=_DEFORMABLE,
            notes=(
                "The data range of SSIM is that of the generated image. scikit-image of that time cut "
                "its Gaussian at 13 taps, today's at 11: at most 0.0004 an image."
            ),
        ),
        Protocol(
            name="kurupathi",
            source="Kurupathi et al. 2020, section 4.2",
            pairs="12,800 random pairs that are not published; here " + PUBLISHED_PAIRS,
            listed=("ssim_reference", "masked_input_ssim", "l1", "is", "masked_input_is", "ds"),
            columns=table(
                **{**_DEFORMABLE, "mask_ssim": "masked_input_ssim", "mask_is": "masked_input_is"}
            ),
            notes=(
                "Masked scores as the text describes them: the source photo's background is masked out "
                "before the generator sees it. Not said there, chosen here: person masks of radius 4 of "
                "the source's pose on the input and of the target's pose on both images compared, and "
                "the settings of SSIM, which are those of Siarohin et al."
            ),
        ),
        Protocol(
            name="patn",
            source="Zhu et al. 2019 as released: getMetrics_*.py, calPCKH_*.py (docs/reference_facts.md, 6)",
            pairs="its own list, --pairs FILE; without it " + PUBLISHED_PAIRS,
            listed=("ssim_reference", "mask_ssim_reference", "l1", "is", "mask_is", "ds", "pckh"),
            columns=table(pckh="pckh", **_DEFORMABLE),
            frames=frames(deepfashion=WHITE, deepfashion_256x176=WHITE),
            notes=(
                "DeepFashion's photos are 176 pixels wide and padded with white to 256x256, which raises "
                "SSIM. Data range and taps as deformable."
            ),
        ),
        *LATER,
    )
}


def follows(metric: str) -> tuple[str, ...]:
    """The fields of a protocol that a metric's value follows from, besides how photos are laid."""
    record = METRICS.get(metric)
    if record is None:
        return ()
    fields = ("jpeg", *(("mask",) if record.mask else ()))
    if isinstance(record, SetMetric):
        fields += record.options + record.network
        fields += (record.batch,) if record.batch else ()
        fields += ("reference",) if record.against == REFERENCE else ()
    return fields


def alike(metric: str, one: Protocol, other: Protocol, dataset: str) -> bool:
    """Whether both protocols have the metric and mean the same by it on photos of that data set."""
    both = (one, other)
    if not all(metric in protocol.metrics for protocol in both):
        return False
    fields, networks = follows(metric), isinstance(METRICS.get(metric), SetMetric)
    first, second = (
        (p.frame(dataset, networks), *(getattr(p, field) for field in fields)) for p in both
    )
    return first == second


def placed(
    numbers: Mapping[str, float], under: str | None, shown: Protocol, dataset: str
) -> dict[str, float]:
    """Published numbers by the metric that they are values of, where a protocol has that metric.

    Args:
      numbers: by the columns of the paper's table.
      under: the name of the protocol by which they were measured; None or "" where it is not told.
      shown: whose metrics are asked for.
      dataset: of which they are.

    Returns:
      The numbers by name of a metric of `shown`. Those that `shown` measures otherwise, or not at all, are
      left out, and so are all whose protocol is not told.
    """
    if not under:
        return {}
    own = find(under)
    metrics = ((own.columns.get(column), value) for column, value in numbers.items())
    return {m: value for m, value in metrics if m is not None and alike(m, own, shown, dataset)}


REFERENCES = ("train", "targets")


def find(name: str, reference: str | None = None) -> Protocol:
    """The protocol of that name, with other real images for FID and KID where they are given.

    Raises:
      InputError: there is none, or no such images.
    """
    if name not in PROTOCOLS:
        raise InputError(f"--protocol: unknown {name!r}; there are {', '.join(PROTOCOLS)}")
    if reference is None:
        return PROTOCOLS[name]
    if reference not in REFERENCES:
        raise InputError(f"--reference: unknown {reference!r}; there are {', '.join(REFERENCES)}")
    return dataclasses.replace(PROTOCOLS[name], reference=reference)


def while_training() -> tuple[str, ...]:
    """The metrics that held-out pairs are scored by while a row trains: our own that need no network."""
    return tuple(name for name in of_pixels(OWN.metrics) if METRICS[name].view == PLAIN)


def with_radius(protocol: Protocol, radius: int) -> Protocol:
    """The protocol with masks of another radius, as photos of a toy size need them."""
    return dataclasses.replace(protocol, mask=dataclasses.replace(protocol.mask, radius=radius))


def for_height(protocol: Protocol, height: int) -> Protocol:
    """The protocol for photos of this height: the project's own halves its mask's radius at toy size."""
    return with_radius(protocol, 2) if protocol.name == OWN.name and height < 128 else protocol
