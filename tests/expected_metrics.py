"""Every metric that compares pixels, of one pair, by scikit-image and NumPy."""

import numpy as np
from skimage.color import rgb2gray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def expected(name: str, generated: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    """The value of a metric; its settings are spelt out by its name alone.

    Args:
      name: in pgjax.METRICS.
      generated: (H, W, 3), uint8 or floating.
      target: likewise.
      mask: (H, W), the person is > 0.
    """
    if "mask" in name:
        kept = (mask > 0).astype(np.uint8)[..., None]
        generated, target = generated * kept, target * kept
    spread = float(generated.max()) - float(generated.min())
    match name:
        case "ssim" | "mask_ssim":
            settings = GAUSSIAN | {"data_range": 255}
        case "ssim_reference" | "mask_ssim_reference" | "masked_input_ssim":
            settings = GAUSSIAN | {"data_range": spread}
        case "ssim_sigma12":
            settings = GAUSSIAN | {"sigma": 1.2, "data_range": spread}
        case "ssim_window51":
            settings = {"data_range": 255, "win_size": 51}
        case "ssim_uniform" | "mask_ssim_uniform":
            # scikit-image's defaults: 7x7, uniform, sample covariance.
            settings = {"data_range": 255}
        case "ssim_grey":
            a, b = rgb2gray(generated), rgb2gray(target)
            return structural_similarity(a, b, win_size=7, data_range=b.max() - b.min())
        case "psnr":
            if np.array_equal(generated, target):
                return 100.0  # where ours ends
            return peak_signal_noise_ratio(target, generated, data_range=255)
        case "l1":
            return np.abs(target.astype(float) - generated).mean() / 127.5
        case "l1_unit":
            return np.abs(target / 255 - generated / 255).mean()
        case "l1_255":
            return np.abs(target.astype(float) - generated).mean()
        case _:
            raise AssertionError(
                f"the metric {name} has no case in tests/expected_metrics.py: compute it there with NumPy"
            )
    return structural_similarity(target, generated, channel_axis=-1, **settings)
