"""A run's network as a torch module that takes pixels as files have them: what ``(x − mean) / std`` it needs is inside."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from neocog.data.normalise import normalise
from neocog.data.views import views
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.tasks import task_of_run


class StoredPixels(nn.Module):
    """Stored pixels (B, C, H, W) of the network's own size, of any type → what the network gives, such as logits (B, K).

    Differentiable, on any device; a copy of the run's weights, so that what is done to it changes no other answer. Raises
    UserError for pixels of another shape.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.task = task_of_run(predictor)
        if self.task.purpose == "generation":
            what = f"a network of {predictor.task} takes no stored pixels"
            raise UserError(what, str(predictor.folder), "use neocog.sample, or neocog.predict with files")
        self.network = copy.deepcopy(predictor.network)
        self.preprocessing, self.facts = predictor.preprocessing, dict(predictor.facts)
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        expected = (self.preprocessing.channels, *self.preprocessing.size)
        if tuple(pixels.shape[1:]) != expected:
            wanted = ", ".join(map(str, expected))
            fix = "run.predict(images) takes any size, and fits it as the training did"
            raise UserError(f"pixels of shape {tuple(pixels.shape)}, not (B, {wanted})", "run.model", fix)
        pixels = self.task.preprocess(pixels, self.preprocessing, self.facts)
        seen = list(views(pixels, **self.facts["views"])) if "views" in self.facts else [pixels]
        outputs = [self.network(normalise(view, self.preprocessing, pixels)) for view in seen]
        return outputs[0] if len(outputs) == 1 else torch.stack(outputs).mean(0)
