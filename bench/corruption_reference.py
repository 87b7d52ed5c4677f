"""Pictures corrupted by the reference, for ``bench/stress.py corruption``: runs in an environment that has it.

pip install imagecorruptions-imaug scikit-image opencv-python-headless numba
python bench/corruption_reference.py PICTURES.npy OUT.npy     # (n, H, W, 3) uint8 → (15, 5, n, H, W, 3) uint8
"""

import sys

import numpy as np
from imagecorruptions import corrupt, get_corruption_names

if __name__ == "__main__":
    pictures = np.load(sys.argv[1], allow_pickle=False)
    np.random.seed(0)  # noqa: NPY002  the reference's own generator
    found = [
        [[corrupt(picture, severity, name) for picture in pictures] for severity in range(1, 6)]
        for name in get_corruption_names("common")
    ]
    np.save(sys.argv[2], np.array(found, np.uint8))
