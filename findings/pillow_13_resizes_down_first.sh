#!/usr/bin/env bash
# Pillow 13.0.0 resizes along columns before rows where the height shrinks by more than twice what the width does
# (a width that grows counts as 0); Pillow 12 always goes along rows first. Each pass rounds to 8 bits, so the
# pixels differ between the versions: scores of pictures that were resized with one are not those of the other.
# Change: https://github.com/python-pillow/Pillow/pull/9549
# Seen: noise of 96 x 32 pixels, bicubic. To 32 x 24, where 64 > 16, up to several grey levels differ between
# 12.3.0 and 13.0.0. To 80 x 16, where 16 < 32, all are equal.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/resize.py" <<'PYTHON'
import sys
import numpy as np
from PIL import Image

noise = np.random.default_rng(0).integers(0, 256, (96, 32, 3), dtype=np.uint8)
for name, size in (("tall", (24, 32)), ("flat", (16, 80))):
    resized = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    np.save(f"{sys.argv[1]}_{name}.npy", np.asarray(resized).astype(int))
PYTHON
for version in 12.3.0 13.0.0; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" install --quiet pillow==$version numpy==2.4.6
    "$work/$version/bin/python" "$work/resize.py" "$work/$version"
done
"$work/13.0.0/bin/python" - "$work" <<'PYTHON'
import sys
import numpy as np

apart = {
    name: int(np.abs(np.subtract(*(np.load(f"{sys.argv[1]}/{v}_{name}.npy") for v in ("12.3.0", "13.0.0")))).max())
    for name in ("tall", "flat")
}
print("largest difference in grey levels:", apart)
assert apart["tall"] > 1 and apart["flat"] == 0
PYTHON
