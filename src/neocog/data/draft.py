"""``--draft``: JPEG files decoded at a half, a quarter or an eighth of their sides, which their format can do at less cost.

Pixels are then not quite those that resizing the whole image gives: on photographs of about 500 × 375 brought to 64 to 128 pixels
they differ by 1.4 to 3.0 grey levels of 255 in the mean, by 9.6 in the worst of 100 images (``bench/draft.py``). So a run
records it, and its evaluation and predictions decode in the same way. Images that a program holds are not decoded, so not drafted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neocog.data.dataset import BadImage, Dataset, Images
from neocog.data.formats.decoding import Decoding, draft_scale
from neocog.data.formats.files import open_regular, sniff
from neocog.data.images import FileImages
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError

LEARNED = ("classes", "values")  # of whole images: what is found in an image's own pixels needs all of them


def with_draft(dataset: Dataset, plan: Preprocessing) -> Dataset:
    """``dataset`` whose JPEG files are decoded as ``plan`` says. Raises UserError where that changes nothing."""
    if not plan.draft:
        return dataset
    if dataset.learned not in LEARNED:
        what = f"--draft is for classes and values of whole images, and these have {dataset.learned}"
        raise UserError(what, fix="leave it out")
    images, decoding = dataset.images, Decoding.recorded(plan)
    if not isinstance(images, FileImages) or not any(_drafted(images, decoding)):
        shown = " × ".join(map(str, decoding.draft))
        what = f"--draft changes nothing: no JPEG file here is twice as large as {shown}, each way"
        raise UserError(what, fix="leave it out, or give a smaller --size")
    return replace(dataset, images=replace(images, decoding=decoding))


def _drafted(images: Images, decoding: Decoding) -> Iterator[bool]:
    """Of each image whether it is decoded at less than its size; of broken ones the scan tells."""
    for index in range(len(images)):
        path = images.path(index)
        assert path is not None
        try:
            with open_regular(path, str(path)) as file:
                jpeg = sniff(file.read(512), str(path)) == "JPEG"
            yield jpeg and draft_scale(images.header(index).size, decoding.draft) > 1
        except BadImage:
            yield False
