"""Views of an image: which they are, and that each is a picture of the same size."""

from __future__ import annotations

import torch

from neocog.data.views import views


def test_the_whole_comes_first_then_the_corners_each_followed_by_its_mirror_image() -> None:
    pixels = torch.arange(2 * 3 * 16 * 24).view(2, 3, 16, 24).to(torch.uint8)
    found = list(views(pixels, 10, mirror=True))
    assert len(found) == 10 and {view.shape for view in found} == {pixels.shape}
    assert torch.equal(found[0], pixels) and torch.equal(found[1], pixels.flip(-1))
    for plain, mirrored in zip(found[2::2], found[3::2], strict=True):
        assert torch.equal(plain.flip(-1), mirrored)
    ramp = torch.arange(16.0).view(1, 1, 16, 1).expand(1, 1, 16, 16)
    top_left, _, lower_left, _ = list(views(ramp, 5, mirror=False))[1:]
    assert top_left.mean() < ramp.mean() < lower_left.mean()


def test_without_mirror_images_there_are_five() -> None:
    pixels = torch.rand(1, 1, 8, 8)
    found = list(views(pixels, 10, mirror=False))
    assert len(found) == 5 and all(not torch.equal(view, pixels.flip(-1)) for view in found)
    assert [len(list(views(pixels, count, True))) for count in (1, 3, 10, 12)] == [1, 3, 10, 10]
