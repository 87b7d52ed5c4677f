"""How little light is enough? Real 16-bit nuclei (BBBC039) under photon noise, restored with clean images and without.

    python examples/09_less_light.py [OUT]

Takes about five minutes on one core. The pictures are looked for in bbbc039/ below NEOCOG_DATA. Photon noise is made of them;
one network learns from clean images, the other (Noise2Void) sees noisy ones alone. Both are judged on pictures that neither has
seen, beside what needs no network. Restored pixels are guesses: count nuclei on them, but do not measure intensities.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import neocog

DATA = (
    Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bbbc039" / "images"
)


def main(out: Path, epochs: int = 30, photons: int = 30, **more: Any) -> dict[str, float]:
    """The story; returns PSNR of the noisy pictures, of the best that needs no network, and of both networks."""
    found = dict[str, float]()
    for supervision in ("clean", "noise2void"):
        own = {"degrade": f"poisson:{photons}", "supervision": supervision}
        run = neocog.train(
            DATA, out / supervision, task="restoration", task_options=own, epochs=epochs, quiet=True,
            split=(0.6, 0.1, 0.3), **more,
        )  # fmt: skip
        result = json.loads(run.result.read_text())
        psnr = result["measures"]["test"]["psnr"]
        others = {name: one["measures"]["psnr"]["value"] for name, one in result["baselines"].items()}
        found |= {supervision: psnr["value"], "noisy": others["identity"], "best without": max(others.values())}
        print(
            f"{supervision}: {psnr['value']:.2f} dB ({psnr['low']:.2f} to {psnr['high']:.2f}, n = {psnr['n']}); see {run.report}"
        )
    print(f"noisy {found['noisy']:.2f} dB, best that needs no network {found['best without']:.2f} dB")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
