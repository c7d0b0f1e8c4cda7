"""The protocols behind the FID and LPIPS of today's papers on DeepFashion, as their code has it.

All take torchvision's Inception v3 where FID is defined on another graph, and give it other grey values than
it was trained on. They differ in the rest: docs/protocols.md has the table.
"""

from pgjax.metrics.protocol import (
    IMAGENET,
    PUBLISHED_PAIRS,
    RENORMALISED,
    UNIT,
    WHITE,
    Frame,
    Protocol,
    Resize,
    frames,
    table,
)

CROP = (256, 176)
_STRETCHED = (
    "deepfashion has to be built of photos of img_highres.zip that were resized to 256x256; on other data "
    "sets photos are taken as they are. "
)
_LAST = "Which images the last batch has is not known; here they are the last of the list. "
_CUT = "Its code cuts grey values down to whole ones, pgjax rounds them. "


def _resized(rule: str):
    return frames(deepfashion=Frame(resize=Resize(CROP, rule)))


def _protocol(name: str, source: str, ssim: str, column: bool = True, **others) -> Protocol:
    columns = {"fid": "fid", "lpips": "lpips_alex", "psnr": "psnr"}
    return Protocol(
        name=name,
        source=source,
        pairs=PUBLISHED_PAIRS,
        listed=("ssim_window51", ssim, "l1_unit", "psnr", "fid", "lpips_alex"),
        columns=table(**columns, **({"ssim": ssim} if column else {})),
        features=IMAGENET,
        scaling=RENORMALISED,
        **others,
    )


LATER = (
    _protocol(
        "gfla",
        "Ren et al. 2020 as released: script/metrics.py, script/inception.py, commit ac20847",
        "ssim_reference",
        column=False,
        fid_batch=64,
        lpips_batch=64,
        jpeg=75,
        notes=(
            f"{_STRETCHED}{_LAST}{_CUT}Which of its two SSIMs a table means is not known. Its masked LPIPS "
            "of Market-1501, on grey, is not measured here."
        ),
    ),
    _protocol(
        "dptn",
        "Zhang et al. 2022 as released: metrics/metrics.py, commit ca9346b",
        "ssim_reference",
        column=False,
        frames=frames(deepfashion=WHITE, deepfashion_256x176=WHITE),
        seen=frames(deepfashion=Frame(crop=CROP), deepfashion_256x176=Frame(crop=CROP)),
        fid_batch=64,
        jpeg=75,
        notes=(
            "SSIM, PSNR and L1 compare 256x256 pixels: 40 white columns stand on each side of DeepFashion's "
            f"photos, and raise SSIM. {_LAST}{_CUT}Which of its two SSIMs a table means is not known. "
            "Photos of Market-1501 are not padded."
        ),
    ),
    _protocol(
        "pidm",
        "Bhunia et al. 2023 as released: utils/metrics.py, commit f6499c2",
        "ssim_sigma12",
        seen=_resized("bilinear"),
        fid_batch=64,
        lpips_batch=64,
        notes=(
            f"{_STRETCHED}Networks see 256x176, resized by OpenCV, SSIM the 256x256 before. {_LAST}Its issue "
            "37 counts 37,016 and 48,674 training photos, with another FID for each."
        ),
    ),
    _protocol(
        "pcdms",
        "Shen et al. 2024 as released: metrics.py, caculate_metrics_256.py, commit 4861d2c",
        "ssim_sigma12",
        frames=_resized("cv2_bicubic"),
        lpips_scaling=UNIT,
        fid_batch=128,
        lpips_batch=64,
        notes=(
            f"{_STRETCHED}All metrics see 256x176, resized by OpenCV. LPIPS is given [0, 1] where it is "
            f"defined on [-1, 1]. {_LAST}"
        ),
    ),
    _protocol(
        "cfld",
        "Lu et al. 2024 as released: models/metrics.py, pose_transfer_test.py, commit 2e44c01",
        "ssim_reference",
        frames=_resized("pil_bicubic"),
        notes=(
            "Real photos are those of img_highres.zip, resized by Pillow: deepfashion_256x176 and "
            "deepfashion_512x352, built with --resize=pil_bicubic. Photos of deepfashion that are stretched "
            f"are resized in the same way. No image is left out. {_CUT}"
        ),
    ),
)
