"""What a step of the training needs: the network, its loss, and the sums that the epoch's measures are made of."""

import torch
from torch.nn.functional import mse_loss, poisson_nll_loss

from neocog.tasks.objective import Objective


class Counts(Objective):
    def __init__(self, network, loss, empty):
        self.network, self.loss, self.empty = network, loss, empty

    def networks(self):
        return {"model": self.network()}

    def each(self, nets, batch):  # (B,) losses
        counted, counts = self.predict(nets, batch.inputs)[:, 0], batch.targets[:, 0]
        if self.loss == "mse":
            return mse_loss(counted, counts, reduction="none")
        return poisson_nll_loss(counted, counts, log_input=False, reduction="none")

    def losses(self, nets, batch):
        yield "model", self.each(nets, batch).mean()

    def predict(self, nets, inputs):
        return nets["model"](inputs).float().exp() + self.empty

    def tally(self, nets, batch):
        error = self.predict(nets, batch.inputs)[:, 0].double() - batch.targets[:, 0]
        n = torch.tensor(float(len(batch)), dtype=torch.float64, device=error.device)
        return {"absolute": error.abs().sum(), "loss": self.each(nets, batch).double().sum(), "n": n}

    def measures(self, totals):  # the first one says which epoch is best: the higher, the better
        mae, loss = (float(totals[total] / totals["n"]) for total in ("absolute", "loss"))
        return {"score": -mae, "mae": mae, "loss": loss}

    def sections(self, classes, totals):
        return []
