"""Three paintings × two photographs: what a repainting costs, what it keeps of the photo and takes of the painting.

    OMP_NUM_THREADS=1 python bench/style.py              # the table of docs/style.md
    OMP_NUM_THREADS=1 python bench/style.py --pictures   # and its pictures
    OMP_NUM_THREADS=1 python bench/style.py china wave   # one row of it

Photographs: scikit-learn's, reduced to 512 pixels. Needs NEOCOG_DATA/pictures. Seconds of the processor are of all threads.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_sample_images

import neocog

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("NEOCOG_DATA", ROOT.parent / "shared/data")) / "pictures"
PHOTOS = ("china", "flower")
PAINTINGS = ("starry_night", "wave", "the_scream")
AIMS = "aims: style ÷ 100, edges 0.5, palette ÷ 3, 180 s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", choices=PHOTOS)
    parser.add_argument("painting", nargs="?", choices=PAINTINGS)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--again", action="store_true", help="each twice: are the bytes the same?")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for name, pixels in zip(PHOTOS, load_sample_images().images, strict=True):
            Image.fromarray(pixels).save(here / f"{name}.png")
            for painting in PAINTINGS:
                if given.photo in (None, name) and given.painting in (None, painting):
                    measured(here, name, painting, given.pictures)
                    if given.again:
                        repeated(here, name, painting)
    print(AIMS)


def repeated(here: Path, photo: str, painting: str) -> None:
    again = neocog.style(here / f"{photo}.png", DATA / f"{painting}.jpg", here / "again", quiet=True)
    same = (again.folder / "styled.png").read_bytes() == (here / f"{photo}-{painting}/styled.png").read_bytes()
    print(f"the same seed gives the same bytes: {same}")


def measured(here: Path, photo: str, painting: str, pictures: bool) -> None:
    clock, processor = time.perf_counter(), time.process_time()
    out = here / f"{photo}-{painting}"
    found = neocog.style(here / f"{photo}.png", DATA / f"{painting}.jpg", out, quiet=True)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    style = found.style_before / found.style_after
    palette = found.palette_before / found.palette_after
    print(
        f"| {photo} | {painting} | {style:,.0f} | {found.edges:.2f} | {palette:.1f} | {clock:.0f} | {processor:.0f} | "
        f"{os.getloadavg()[0]:.1f} |", flush=True,
    )  # fmt: skip
    if pictures:
        with Image.open(out / "styled.png") as image:
            small = image.convert("RGB").resize(
                (384, round(384 * image.height / image.width)), Image.Resampling.LANCZOS
            )
            small.save(ROOT / f"docs/pictures/style-{photo}-{painting}.jpg", quality=85)


if __name__ == "__main__":
    main()
