"""Which augmentation resembles a corruption that a network does not withstand, and the commands that tell whether it helps."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from neocog.robustness.subject import Subject

# Of images: about as strong as severity 3
ALIKE: Mapping[str, str] = {
    **dict.fromkeys(("gaussian_noise", "shot_noise", "speckle_noise", "camera_noise"), "noise=0.2"),
    "impulse_noise": "salt_pepper=0.1",
    **dict.fromkeys(("defocus_blur", "motion_blur", "zoom_blur", "glass_blur", "resampling", "pixelate"), "blur=on"),
    **dict.fromkeys(("brightness", "gamma", "photobleaching"), "brightness=0.3"),
    "contrast": "contrast=0.7",
    **dict.fromkeys(("white_balance", "stain_shift"), "tint=0.3"),
    "dust": "erase=on",
    "turn": "turn=20",
    "shift": "translate=0.15",
    "crop": "scale=0.4",
}


def advice(subject: Subject, corruption: str) -> str:
    """One sentence; "" where no augmentation is like this corruption, or the run had it, or the data are others than its own."""
    alike, asked = ALIKE.get(corruption, ""), subject.config.training.augment
    if not alike or subject.dataset.form != "images" or alike in asked or not subject.own:
        return ""
    run, data = subject.run.folder, subject.config.data.data
    second = run.with_name(f"{run.name}-{alike.partition('=')[0]}")
    learn = [
        "neocog",
        "train",
        data,
        "--config",
        str(run / "config.toml"),
        "--augment",
        *asked,
        alike,
        "--out",
        str(second),
    ]
    test = ["neocog", "stress", str(second), "corruption"]
    compare = ["neocog", "report", str(run), str(second)]
    return (
        f"The augmentation {alike} resembles {corruption.replace('_', ' ')}. Whether it helps is told by a second run: "
        f"{'; '.join(shlex.join(each) for each in (learn, test, compare))}."
    )
