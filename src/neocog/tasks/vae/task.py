"""A variational autoencoder, from settings to report: codes of images, new images out of codes, and what is strange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.config import Config
from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.networks import build
from neocog.predictor import Predictor
from neocog.records import Section
from neocog.run import write_atomically
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.files import chunks
from neocog.tasks.generative import Generative, drawn
from neocog.tasks.report.montage import montage, png_bytes
from neocog.tasks.segmentation.report import grey_levels
from neocog.tasks.shown import Shown, Value
from neocog.tasks.task import Predicted, Session, Trained
from neocog.tasks.vae.codes import Found, code_facts, collected, log_marginals, sampled_for_nll, share_likelier
from neocog.tasks.vae.objective import VAE
from neocog.tasks.vae.report import dimensions_section, images_section, likelihood_section, plane_section
from neocog.tasks.vae.traits import VAETraits

SHOWN = 12  # test images that are shown with what their codes become
REACH = 3.0  # standard deviations of the prior that traversals and the plane show
STEPS, PLANE = 11, 20  # images of a traversal; images of each side of the plane
WALKS = 16  # dimensions that the report walks through


class VAETask(VAETraits, Generative):
    """``--loss``: how pixels scatter about the decoder's answer, as black or white (bernoulli) or grey (gaussian)."""

    models: ClassVar = {"images": "vae"}

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        config = super().resolved(config, dataset)
        if config.training.binarise != "none" and config.training.loss != "bernoulli":
            what = f"--binarise {config.training.binarise} is for --loss bernoulli, not for {config.training.loss}"
            raise UserError(what, fix="leave one of the two out")
        return config

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> VAE:
        training, model = config.training, config.model

        def network() -> torch.nn.Module:
            return build(model.model, preprocessing.inputs, preprocessing.size, 1, **model.options)

        return VAE(
            network,
            training.loss,  # type: ignore[arg-type]
            training.beta,
            training.kl_warmup,
            training.free_bits,
            training.binarise,
            training.seed,
        )

    def facts(self, session: Session) -> dict[str, Any]:
        objective = session.objective
        assert isinstance(objective, VAE)
        return {
            "outputs": 1,
            "likelihood": objective.likelihood,
            "binarise": objective.binarise,
            "seed": objective.seed,
        }

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Found:
        """The bound and the code of every sample, and the likelihood of some of the test part's."""
        objective, nets, preprocessing = objective_of(predictor), {"model": predictor.network}, predictor.preprocessing
        marked = samples.positions[:0]
        if samples.part == "test":
            marked = sampled_for_nll(
                samples.positions, preprocessing.channels * int(np.prod(preprocessing.size)), samples.seed
            )
        nll: list[Array] = [np.empty(0)]

        def batches() -> Iterator[tuple[Array, torch.Tensor]]:
            for where, pixels in samples.batches(preprocessing):
                inputs = normalise(pixels.to(predictor.device), preprocessing)
                nll.append(-log_marginals(objective, nets, inputs[torch.from_numpy(np.isin(where, marked))]))
                yield where, inputs
                advance(len(where))

        found = collected(objective, nets, batches())
        return replace(found, likely=found.samples[np.isin(found.samples, marked)], nll=np.concatenate(nll))

    def learned(
        self, predictor: Predictor, validation: Found, session: Session, parts: Mapping[str, Samples], advance: Advance
    ) -> dict[str, Any]:
        train = self.answers(predictor, parts["train"], advance)
        return {"latent": train.means.shape[1], "codes": code_facts(train, validation, session.dataset)}

    def evaluation(self, predictor: Predictor, answers: Found, samples: Samples) -> Evaluation:
        return Evaluation(answers.measures(samples.dataset, samples.seed))

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Found,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        return Report(
            predictions=predictions_csv(session.dataset, answers),
            sections=sections(session, predictor, measures_of(evaluated)[0], answers),
            result={"alive": len(answers.active), "latent": predictor.facts["latent"]},
        )

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """How well the network knows each image: its ELBO in nats, the root mean square error of its reconstruction
        (pixels from 0 to 1), and the share of the validation images that it knows better. With ``out``, a new folder,
        the reconstructions beside the images too.
        """
        rows: list[dict[str, Any]] = []
        written: list[Path] = []
        percentiles = predictor.facts["codes"]["elbo_percentiles"]
        if out is not None:
            (out / "reconstructions").mkdir(parents=True)
        for chunk in chunks(paths, predictor, advance):
            good = [part.pixels for part in chunk if part.pixels is not None]
            pairs, elbo = self.reconstructed(predictor, np.stack(good)) if good else (np.empty((0, 2)), np.empty(0))
            found = iter(zip(pairs, elbo, share_likelier(elbo, percentiles), strict=True))
            for part in chunk:
                row: dict[str, Any] = {"path": part.name, "skipped": part.fault}
                if not part.fault:
                    (image, again), bound, strange = next(found)
                    error = float(np.sqrt(np.mean((image - again) ** 2)))
                    row |= {
                        "elbo": float(bound),
                        "reconstruction_error": error,
                        "stranger_than": round(float(strange), 2),
                    }
                    if out is not None:
                        both = montage(np.round(np.stack([image, again]) * 255).astype(np.uint8), 2)
                        place = out / "reconstructions" / f"{len(written) + 1:05}-{Path(part.name).stem[:80]}.png"
                        write_atomically(place, png_bytes(both, 256))
                        written.append(place)
                rows.append(row)
        heads = ("path", "elbo", "reconstruction_error", "stranger_than", "skipped")
        return Predicted(heads, tuple(rows), tuple(written))

    def latent(self, predictor: Predictor) -> int:
        return int(predictor.facts["latent"])

    def images(self, predictor: Predictor, z: torch.Tensor) -> torch.Tensor:
        return objective_of(predictor).to_pixels(net_of(predictor).decode(z))

    def axes(self, predictor: Predictor, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The mean code of the training part, and the living dimensions, the one of the largest divergence first."""
        codes = predictor.facts["codes"]
        return np.asarray(codes["mean"], np.float32), np.eye(len(codes["mean"]), dtype=np.float32)[codes["alive"]]

    def living(self, predictor: Predictor) -> list[int]:
        return [int(index) for index in predictor.facts["codes"]["alive"]]

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        """The picture out of its code, and what ``predict`` says of it."""
        pairs, elbo = self.reconstructed(predictor, pixels[None])
        image, again = pairs[0]
        strange = share_likelier(elbo, predictor.facts["codes"]["elbo_percentiles"])[0]
        error = float(np.sqrt(np.mean((image - again) ** 2)))
        named = {"elbo": float(elbo[0]), "reconstruction_error": error, "stranger_than": float(strange)}
        values = tuple(Value(name, value) for name, value in named.items())
        code = tuple(self.codes(predictor, pixels[None])[0].tolist())
        return Shown(values, image=grey_levels(again.transpose(2, 0, 1), 0, 1), code=code)

    @torch.no_grad()
    def codes(self, predictor: Predictor, pixels: Array) -> NDArray[np.float32]:
        objective = objective_of(predictor)
        inputs = normalise(torch.from_numpy(pixels), predictor.preprocessing)
        _, _, means = objective.bound({"model": predictor.network}, inputs)
        found: NDArray[np.float32] = means.float().numpy()
        return found

    @torch.no_grad()
    def reconstructed(self, predictor: Predictor, pixels: Array) -> tuple[NDArray[np.float32], Array]:
        """(n, 2, H, W, C) the images as the network takes them and their reconstructions, in 0 … 1, and ELBOs (n,)."""
        objective, nets = objective_of(predictor), {"model": predictor.network}
        inputs = normalise(torch.from_numpy(pixels), predictor.preprocessing)
        both = torch.stack([inputs.clamp(0, 1), objective.predict(nets, inputs)], 1)
        fit, divergences, _ = objective.bound(nets, inputs)
        return both.permute(0, 1, 3, 4, 2).numpy(), (fit - divergences.sum(1)).double().numpy()


def net_of(predictor: Predictor) -> Any:
    return predictor.network


def objective_of(predictor: Predictor) -> VAE:
    """The task of a trained run, as far as evaluation needs it."""
    facts = predictor.facts
    return VAE(
        lambda: predictor.network,
        likelihood=facts["likelihood"],
        binarise=facts["binarise"],
        seed=int(facts["seed"]),
    )


@torch.no_grad()
def sections(session: Session, predictor: Predictor, measures: Any, test: Found) -> list[Section]:
    """Measures, rows of images, dimensions, and the plane where the codes have two numbers."""
    objective, seed, net = objective_of(predictor), session.config.training.seed, net_of(predictor)

    def decoded(codes: Array) -> NDArray[np.uint8]:
        made = objective.to_pixels(net.decode(torch.from_numpy(codes.astype(np.float32)).to(predictor.device)))
        return bytes_of(made)

    latent = test.means.shape[1]
    places = np.sort(np.random.default_rng(seed).permutation(len(test.samples))[:SHOWN])
    pixels = torch.as_tensor(next(iter(session.loader.store.stream([test.samples[places]]))))
    given = normalise(pixels.to(predictor.device), session.preprocessing)
    rows = [
        bytes_of(given.clamp(0, 1)),
        bytes_of(objective.predict({"model": net}, given)),
        decoded(drawn(SHOWN, latent, seed)),
    ]
    start, reach = test.means[places[0]], np.linspace(-REACH, REACH, STEPS)
    walks = [decoded(walk(start, index, reach)) for index in test.active[:WALKS]]
    found = [
        likelihood_section(measures, objective.likelihood, objective.binarise),
        images_section(rows),
        dimensions_section(test.divergences.mean(axis=0), test.variance, test.active, walks, REACH),
    ]
    if latent == 2:
        axis = np.linspace(-REACH, REACH, PLANE)
        grid = np.stack(np.meshgrid(axis, axis[::-1]), axis=-1).reshape(-1, 2)  # the first row is the top of the plane
        labels = (
            [session.task.caption(session.dataset, int(i)) for i in test.samples] if session.dataset.has_classes else []
        )
        found.insert(2, plane_section(test.means, labels, decoded(grid), REACH))
    return found


def walk(start: Array, index: int, reach: Array) -> NDArray[np.float32]:
    """(n, L) the code ``start`` (L,) with the numbers of ``reach`` (n,) in one dimension."""
    codes = np.tile(np.asarray(start, np.float32), (len(reach), 1))
    codes[:, index] = reach
    return codes


def bytes_of(images: torch.Tensor) -> NDArray[np.uint8]:
    """(n, C, H, W) in 0 … 1 → (n, H, W, C)."""
    grey: NDArray[np.uint8] = (images.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return grey


def predictions_csv(dataset: Dataset, test: Found) -> str:
    """One row a test image: its label where it has one, and its bound in nats."""
    rows = []
    columns = (c.tolist() for c in (test.samples, test.elbo, test.reconstruction, test.divergences.sum(axis=1)))
    for sample, elbo, reconstruction, kl in zip(*columns, strict=True):
        label = dataset.classes[dataset.labels[sample]] if dataset.has_classes else ""
        rows.append([str(dataset.names[sample]), label, elbo, reconstruction, kl])
    return csv_of(("path", "label", "elbo", "reconstruction", "kl"), rows)
