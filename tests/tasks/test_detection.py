"""What detection learns from and what it says: bells and cells of boxes, losses, and boxes from a network's map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from neocog.data.boxes import Boxes
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.loader import Batch, Resident
from neocog.data.preprocessing import Preprocessing
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.tasks.detection.decode import boxes_of, corners_of
from neocog.tasks.detection.nearest import boxes_of_nearest, nearest
from neocog.tasks.detection.objective import Detection, focal, found_objects, losses_of, true_objects
from neocog.tasks.detection.own_size import found_in
from neocog.tasks.detection.targets import drawn, stride_of
from neocog.tasks.evaluation import Samples

NONE = [-1.0, 0, 0, 0, 0, 0]


def targets(*images: list[list[float]]) -> Tensor:
    most = max(map(len, images))
    return torch.tensor([[*rows, *[NONE] * (most - len(rows))] for rows in images])


TWO = targets([[0, 8, 8, 40, 32, 0], [1, 30, 20, 62, 60, 0]], [[1, 0, 0, 20, 20, 1]])


def said(boxes: Tensor, classes: int, cells: tuple[int, int], stride: int, p: float = 0.9) -> Tensor:
    """The map (B, K + 4, h, w) of a network that knows the boxes."""
    wanted = drawn(boxes, classes, cells, stride)
    heat = torch.where(wanted.heat == 1, p, 0.001 + 0 * wanted.heat).logit()
    x, y = ((torch.arange(side) + 0.5) * stride for side in reversed(cells))
    middles = torch.stack([x.expand(cells), y[:, None].expand(cells)]).repeat(2, 1, 1)
    signs = torch.tensor([1, 1, -1, -1])[:, None, None]
    edges = ((middles - wanted.edges) * signs / stride).clamp(min=1e-3).log()
    return torch.cat([heat, edges], 1)


def test_a_bell_is_one_in_the_middle_and_ignored_boxes_are_silent() -> None:
    found = drawn(TWO, 2, (16, 16), 4)
    assert found.heat.shape == (2, 2, 16, 16) and (found.heat == 1).sum() == 2
    assert found.heat[0, 0, 5, 6] == 1 and found.heat[0, 1, 10, 11] == 1 and not found.heat[1].any()
    assert found.silent[1, 1, :5, :5].all() and found.silent.sum() == 25
    assert found.weights[1].sum() == 0


def test_each_box_weighs_one_and_cells_hold_the_edges_of_their_box() -> None:
    found = drawn(TWO, 2, (16, 16), 4)
    torch.testing.assert_close(found.weights[0].sum(), torch.tensor(2.0))
    assert found.edges[0, :, 5, 6].tolist() == [8, 8, 40, 32] and found.edges[0, :, 10, 11].tolist() == [30, 20, 62, 60]


def test_where_boxes_lie_over_each_other_the_smaller_one_has_the_cells() -> None:
    for rows in ([[0, 0, 0, 64, 64, 0], [0, 24, 24, 40, 40, 0]], [[0, 24, 24, 40, 40, 0], [0, 0, 0, 64, 64, 0]]):
        found = drawn(targets([[float(v) for v in row] for row in rows]), 1, (16, 16), 4)
        assert found.edges[0, :, 8, 8].tolist() == [24, 24, 40, 40]


def test_boxes_come_back_from_the_map_that_says_them() -> None:
    for cells, stride in (((16, 16), 4), ((8, 8), 8)):
        (corners, labels, scores), nothing = boxes_of(said(TWO, 2, cells, stride), (64, 64), 20)
        order = labels.argsort()
        kept = scores > 0.5
        assert kept.sum() == 2 and labels[order][:2].tolist() == [0, 1]
        torch.testing.assert_close(corners[kept][labels[kept].argsort()], TWO[0, :, 1:5], atol=1e-3, rtol=0)
        assert not (nothing[2] > 0.5).any()


def test_two_peaks_of_one_object_are_one_box_and_no_box_leaves_the_image() -> None:
    outputs = torch.full((1, 5, 8, 8), -9.0)
    outputs[0, 1:] = 2.0  # e² strides to each side
    outputs[0, 0, 3, 2], outputs[0, 0, 3, 4] = 4.0, 3.0
    ((corners, _, scores),) = boxes_of(outputs, (32, 32), 10)
    assert len(scores) == 1 and scores[0] == torch.tensor(4.0).sigmoid()
    assert corners.min() >= 0 and corners.max() <= 32


@pytest.mark.parametrize("size", [(64, 64), (37, 51), (33, 90), (16, 17)])
@pytest.mark.parametrize("stride", [4, 8])
def test_the_stride_is_told_from_the_shapes_and_every_weight_learns(size: tuple[int, int], stride: int) -> None:
    torch.manual_seed(0)
    model = build("ttf", 3, size, 2, width=4, stride=stride)
    outputs = model(torch.randn(2, 3, *size))
    assert outputs.shape[:2] == (2, 6)
    if min(size) > 2 * stride:
        assert stride_of(size, (outputs.shape[2], outputs.shape[3])) == stride
    outputs.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


class Says(torch.nn.Module):
    """Gives one map, whatever it is shown."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = torch.nn.Parameter(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outputs[: len(inputs)]


def batch(boxes: Tensor) -> Batch:
    return Batch(torch.zeros(len(boxes), 3, 64, 64), boxes, None, np.arange(len(boxes)), len(boxes))


def test_who_knows_the_boxes_has_little_loss_and_full_average_precision() -> None:
    objective = Detection(lambda: Says(torch.zeros(0)), ("cell", "plate"), 1.0, 20)
    knows, guesses = Says(said(TWO, 2, (16, 16), 4, 0.999)), Says(torch.zeros(2, 6, 16, 16))
    losses = []
    for network in (knows, guesses):
        ((name, loss),) = objective.losses({"model": network}, batch(TWO))
        loss.backward()
        assert name == "model" and network.outputs.grad is not None and network.outputs.grad.isfinite().all()
        losses.append(float(loss.detach()))
    assert losses[0] < 0.05 < 5 < losses[1]
    with torch.no_grad():
        totals = objective.tally({"model": knows}, batch(TWO))
    assert objective.measures(totals)["ap50"] == 1.0
    assert totals["true"].tolist() == [1, 1] and totals["wrong"][:, 500:].sum() == 0


def test_sums_over_any_batches_are_those_of_all() -> None:
    objective = Detection(lambda: Says(torch.zeros(0)), ("cell", "plate"), 1.5, 20)
    outputs = torch.randn(2, 6, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = objective.tally({"model": Says(outputs)}, batch(TWO))
        parts = [objective.tally({"model": Says(outputs[k : k + 1])}, batch(TWO[k : k + 1])) for k in range(2)]
    for name, total in whole.items():
        torch.testing.assert_close(parts[0][name] + parts[1][name], total)


def test_what_is_silent_costs_nothing() -> None:
    heat, logits = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 3.0)
    assert focal(logits, heat, torch.ones(1, 1, 4, 4, dtype=torch.bool)) == 0
    assert focal(logits, heat, torch.zeros(1, 1, 4, 4, dtype=torch.bool)) > 10


FRAME = [-2.0, 0, 0, 64, 64, 0]


def test_what_is_found_at_an_open_border_is_no_mistake_unless_a_box_is_there() -> None:
    """An object at the left border without a box, another in the middle: found, both, by the network."""
    says = said(targets([[0.0, 0, 20, 16, 40, 0], [0, 24, 24, 40, 40, 0]]), 1, (16, 16), 4)
    closed, opened = targets([[0.0, 24, 24, 40, 40, 0], NONE]), targets([[0.0, 24, 24, 40, 40, 0], FRAME])
    objective = Detection(lambda: Says(says), ("cell",), 1.0, 20)
    lost, spared = (float(losses_of(says, boxes, (64, 64))) for boxes in (closed, opened))
    assert spared < 0.1 < lost
    for boxes, wrong in ((closed, 1), (opened, 0)):
        with torch.no_grad():
            assert objective.tally({"model": Says(says)}, batch(boxes))["wrong"][:, 500:].sum() == wrong
    inner = said(targets([[0.0, 4, 20, 20, 40, 0], [0, 24, 24, 40, 40, 0]]), 1, (16, 16), 4)
    assert float(losses_of(inner, opened, (64, 64))) > 0.1  # away from the border it is one


def test_rows_that_fill_up_are_no_objects() -> None:
    found = true_objects(TWO.numpy())
    assert found.image.tolist() == [0, 0, 1] and found.ignored.tolist() == [False, False, True]
    assert len(found_objects([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0))] * 2, TWO)) == 0
    assert corners_of(torch.zeros(1, 6, 2, 2), 8)[0, :, 0, 0].tolist() == [-4, -4, 12, 12]


class Sees(torch.nn.Module):
    """A network that draws a box around each bright piece of what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        pieces, _ = ndimage.label(inputs[0, 0].numpy() > 127)
        places = ndimage.find_objects(pieces)
        rows = [[0.0, x.start, y.start, x.stop, y.stop, 0.0] for y, x in places]
        size = inputs.shape[-2] // 4, inputs.shape[-1] // 4
        return said(targets(rows or [NONE]), 1, size, 4)


def test_a_large_image_is_cut_into_windows_and_each_object_is_found_once_and_whole() -> None:
    plan = Preprocessing(1, (64, 96), "uint8", (0.0,), (1.0,))
    facts = {"stored": [64, 96], "largest": 20.0, "most": 100, "thresholds": [0.5]}
    predictor = Predictor(Sees().eval(), plan, ("cell",), facts=facts)
    rng, image, truth = np.random.default_rng(0), np.zeros((200, 331, 1), np.uint8), []
    for y in range(0, 176, 25):
        for x in range(0, 306, 25):
            top, left = y + rng.integers(0, 5), x + rng.integers(0, 5)
            high, wide = rng.integers(9, 20, 2)
            image[top : top + high, left : left + wide] = 255
            truth.append((left, top, left + wide, top + high))
    found = found_in(predictor, image, "large").certain(predictor)
    assert sorted(map(tuple, found.corners.round(2).tolist())) == sorted(tuple(map(float, four)) for four in truth)


def with_boxes(sizes: list[tuple[int, int]], *images: list[tuple[int, float, float, float, float, bool]]) -> Boxes:
    rows = [row for image in images for row in image]
    return Boxes(
        np.cumsum([0, *map(len, images)]), np.array([row[1:5] for row in rows], float).reshape(-1, 4),
        np.array([row[0] for row in rows], np.int64), np.array([row[5] for row in rows], bool), np.array(sizes, np.int64),
    )  # fmt: skip


def test_boxes_of_the_nearest_training_image_are_taken_at_the_size_of_the_image_at_hand() -> None:
    boxes = with_boxes(
        [(40, 40), (20, 80), (40, 40)],
        [(0, 10, 10, 20, 30, False), (1, 0, 0, 5, 5, True)], [(1, 1, 1, 2, 2, False)], [(0, 0, 0, 9, 9, False)],
    )  # fmt: skip
    found = boxes_of_nearest(boxes, np.array([1, 2, 0]), np.array([0, -1, 2]))
    assert found.image.tolist() == [0, 2] and found.label.tolist() == [0, 0]
    assert found.corners.tolist() == [[20, 5, 40, 15], [0, 0, 9, 9]]


def test_the_nearest_image_is_the_one_that_looks_alike() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (7, 1, 24, 24)).astype(np.uint8)
    images[5] = images[2] + rng.integers(0, 2, (1, 24, 24)).astype(np.uint8) * (images[2] < 250)
    images[6] = 90  # plain
    data = Dataset(
        "x", None, [f"{k}" for k in range(7)], np.zeros(7, np.int64), (), ArrayImages(images.transpose(0, 2, 3, 1), [])
    )
    store = Resident(torch.from_numpy(images))
    samples = Samples(data, np.array([5, 6]), store, 0, trained=np.array([3, 0, 2, 1, 4]))
    predictor = Predictor(torch.nn.Identity(), Preprocessing(1, (24, 24), "uint8", (0.0,), (1.0,)), ())
    assert nearest(predictor, samples).tolist() == [2, -1]
