"""What generated images are scored by, one file a metric.

Every metric takes `(generated, target, mask)`: uint8 (B, H, W, 3) twice, and the target person's
mask (B, H, W) from `raster.person_mask`; it returns (B,) float32 and can be compiled.
"""

import jax

from pgjax.metrics.l1 import l1
from pgjax.metrics.psnr import psnr
from pgjax.metrics.ssim import (
    both,
    mask_ssim,
    mask_ssim_reference,
    masked,
    ssim,
    ssim_reference,
)

METRICS = {
    "ssim": ssim,
    "ssim_reference": ssim_reference,
    "mask_ssim": mask_ssim,
    "mask_ssim_reference": mask_ssim_reference,
    "l1": l1,
    "psnr": psnr,
}

HIGHER_IS_BETTER = {
    "ssim": True,
    "ssim_reference": True,
    "mask_ssim": True,
    "mask_ssim_reference": True,
    "l1": False,
    "psnr": True,
}


@jax.jit
def score(generated: jax.Array, target: jax.Array, mask: jax.Array) -> dict[str, jax.Array]:
    """All of `METRICS` for every image, name -> (B,), sharing the work.

    Args:
      generated: uint8 (B, H, W, 3).
      target: uint8 (B, H, W, 3).
      mask: (B, H, W) of the target pose.
    """
    plain = both(generated, target)
    person = both(masked(generated, mask), masked(target, mask))
    return {
        "ssim": plain[0],
        "ssim_reference": plain[1],
        "mask_ssim": person[0],
        "mask_ssim_reference": person[1],
        "l1": l1(generated, target, mask),
        "psnr": psnr(generated, target, mask),
    }
