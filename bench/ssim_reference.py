"""The SSIM that scikit-image gives for the images of tests/metrics/test_restoration.py, which holds ours against it.

    pip install --target /tmp/reference scikit-image
    PYTHONPATH=/tmp/reference python bench/ssim_reference.py     # prints the values that the test has

scikit-image stays out of the environments of tests, so that none of them is skipped.
"""

from __future__ import annotations

import numpy as np
from skimage import __version__
from skimage.metrics import structural_similarity

# (shape, noise, digits): images as the test draws them
CASES = [((20, 33), 20.0), ((40, 40, 3), 20.0), ((11, 11), 5.0), ((64, 48, 2), 60.0)]


def main() -> None:
    print(f"scikit-image {__version__}")
    for shape, noise in CASES:
        rng = np.random.default_rng(0)
        truth = rng.random(shape) * 255
        other = truth + rng.normal(0, noise, shape)
        for kind, one, two in (("float64", truth, other), ("uint8", *(x.clip(0, 255).round() for x in (truth, other)))):
            found = structural_similarity(
                one, two, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
                channel_axis=-1 if len(shape) == 3 else None,
            )  # fmt: skip
            print(f"    ({shape}, {noise}, {kind!r}): {found:.10f},")


if __name__ == "__main__":
    main()
