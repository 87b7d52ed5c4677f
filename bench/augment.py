"""How fast whole batches are augmented and normalised, one JSON line a case.

    python bench/augment.py [THREADS] [DEVICE]

Batches of 128 uint8 images; 7 timed repeats of at least 0.2 s after one that is not counted. Compare with the training
step: at 20,000 images/s augmentation costs 6.4 ms a batch.
"""

from __future__ import annotations

import json
import platform
import sys
import time

import torch

from neocog.augment import Augmentation, apply, draw
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing


def usual(channels: int, side: int, mirror: bool = True) -> Augmentation:
    """What is done by default to images of this kind."""
    scale = ((120.0,) * channels, (60.0,) * channels)
    return Augmentation.default(Preprocessing(channels, (side, side), "uint8", *scale), mirror)


CASES = {
    "CIFAR-10: crop, flip": ((3, 32, 32), usual(3, 32)),
    "MNIST: affine": ((1, 28, 28), usual(1, 28, mirror=False)),
    "photos: flip, affine, light": ((3, 224, 224), usual(3, 224)),
    "CIFAR-10: Gaussian noise": ((3, 32, 32), Augmentation(noise=0.05)),
    "CIFAR-10: blur": ((3, 32, 32), Augmentation(blur=1)),
    "CIFAR-10: erase": ((3, 32, 32), Augmentation(erase=0.25)),
    "CIFAR-10: salt and pepper": ((3, 32, 32), Augmentation(salt_pepper=0.02)),
    "CIFAR-10: saturation": ((3, 32, 32), Augmentation(saturation=0.5)),
    "CIFAR-10: tint": ((3, 32, 32), Augmentation(tint=0.2)),
    "CIFAR-10: normalise only": ((3, 32, 32), Augmentation()),
}


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    device = torch.device(sys.argv[2] if len(sys.argv) > 2 else "cpu")
    torch.set_num_threads(threads)
    for name, ((channels, height, width), policy) in CASES.items():
        preprocessing = Preprocessing(channels, (height, width), "uint8", (120.0,) * channels, (60.0,) * channels)
        images = torch.randint(0, 256, (128, channels, height, width), dtype=torch.uint8, device=device)
        samples = torch.arange(128, device=device)
        speeds = []
        for _ in range(8):
            batches, start = 0, time.perf_counter()
            while time.perf_counter() - start < 0.2:
                drawn = draw(policy, 0, batches, samples, preprocessing)
                normalise(apply(drawn, images), preprocessing)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                batches += 1
            speeds.append(128 * batches / (time.perf_counter() - start))
        speeds = sorted(speeds[1:])
        row = {"name": name, "median": round(speeds[3]), "low": round(speeds[0]), "high": round(speeds[-1]), "n": 7}
        machine = {"threads": threads, "device": str(device), "torch": torch.__version__, "machine": platform.machine()}
        print(json.dumps({**row, "unit": "images/s", **machine}))


if __name__ == "__main__":
    main()
