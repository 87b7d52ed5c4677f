"""What ``--from`` names, as far as it is known without its weights: which network they are of, what they need, where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from neocog.config import IMAGENET, Config
from neocog.documents import read_json
from neocog.errors import UserError, did_you_mean, install, listed, printable
from neocog.facts import read_facts
from neocog.networks.external import torchvision_names
from neocog.predictor import recorded
from neocog.pretrained.download import fetched, hub
from neocog.pretrained.guess import guessed
from neocog.pretrained.needs import Needs, of_run, of_timm, of_torchvision
from neocog.pretrained.tensors import PICKLES, refuse_pickle
from neocog.progress import Progress
from neocog.run import Run
from neocog.traits import traits

# Networks for --from imagenet. On a processor one of depthwise convolutions without squeeze-and-excitation or swish, which cost
# more time than they gain: 0.4 thousand million multiplications an image, ImageNet accuracy 0.748. On a GPU one whose time goes
# into large products: accuracy 0.842. Both are Apache-2.0.
SUITS = {"cpu": "timm:tf_efficientnet_lite0.in1k", "cuda": "timm:convnext_tiny.in12k_ft_in1k"}
KNOWN = "imagenet, timm:NAME, torchvision:NAME, hf:OWNER/NAME, FILE.safetensors, or a run's folder"
SAFE = "model.safetensors"


@dataclass(frozen=True)
class Origin:
    """``model`` and ``options``: of the network whose weights they are ("" where no file says). Either ``file`` lies here, or
    ``url`` has it, to be kept as ``cached``."""

    name: str
    model: str
    needs: Needs
    options: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    url: str = ""
    cached: str = ""
    note: str = ""


def origin_of(config: Config, progress: Progress) -> Origin:
    """What ``--from`` of these settings names. Raises UserError. Only hf: needs the network for this."""
    given = config.transfer.pretrained
    if given == IMAGENET:
        cuda = config.training.device == "cuda" or (config.training.device == "auto" and torch.cuda.is_available())
        found = by_timm(SUITS["cuda" if cuda else "cpu"].partition(":")[2])
        return replace(found, name=IMAGENET, note=f"imagenet is {found.model} here")
    source, colon, name = given.partition(":")
    if colon and source == "timm":
        return by_timm(name)
    if colon and source == "torchvision":
        return by_torchvision(name)
    if colon and source == "hf":
        return by_hub(name, progress)
    path = Path(given)
    if path.is_dir():
        return by_run(path)
    if not path.is_file():
        near = did_you_mean(given, [IMAGENET])
        raise UserError(f"--from {printable(given)}: no such weights", fix=f"{near}give {KNOWN}")
    return by_file(path, config.model.model)


def by_timm(name: str) -> Origin:
    """The weights that timm has for one of its networks; the name may end in a tag of theirs."""
    record = record_of(name)
    if record is None or not (record.hf_hub_id or str(record.url).startswith("http")):
        raise UserError(f"timm has no weights for {printable(name)}", fix="list: timm.list_pretrained()")
    needs, model = of_timm(record.to_dict(), name), f"timm:{name}"
    if record.hf_hub_id:
        file = record.hf_hub_filename or SAFE
        if not file.endswith(".safetensors"):
            raise UserError(
                f"the weights of timm:{name} are no .safetensors", f"{hub()}/{record.hf_hub_id}", "choose others"
            )
        return Origin(model, model, needs, url=of_hub(record.hf_hub_id, file), cached=cached(record.hf_hub_id))
    return Origin(model, model, needs, url=record.url, cached=record.url.rsplit("/", 1)[-1])


def record_of(name: str) -> Any:
    """timm's record of the weights of one of its networks; None where it has none. Raises UserError."""
    timm = library()
    if not timm.is_model(name):
        hint = did_you_mean(name, timm.list_models())
        raise UserError(f"timm has no model '{printable(name)}'", fix=f"{hint}list: timm.list_models()")
    try:
        return timm.get_pretrained_cfg(name)
    except RuntimeError:  # the network is known, and this tag is not
        bare = name.partition(".")[0]
        known = [each.partition(".")[2] for each in timm.list_pretrained(f"{bare}.*")]
        raise UserError(f"timm has no weights {printable(name)}", fix=f"known: {bare}.{listed(known)}") from None


def library() -> Any:
    try:
        import timm
    except ImportError:
        raise UserError("timm, which knows these weights, is not installed", fix=install("timm")) from None
    return timm


def by_torchvision(given: str) -> Origin:
    """The weights that torchvision has for one of its networks: the newest, or those named after a dot."""
    import torchvision

    name, _, tag = given.partition(".")
    if name not in torchvision_names():
        hint = did_you_mean(name, torchvision_names())
        raise UserError(
            f"torchvision has no classification model '{printable(name)}'", fix=f"{hint}list: neocog models"
        )
    every = {weight.name: weight for weight in torchvision.models.get_model_weights(name)}
    if not every or (tag and tag not in every):
        fix = f"{did_you_mean(tag, every)}known: {listed(every) or 'none'}"
        raise UserError(f"torchvision has no weights {printable(tag)} for {name}", fix=fix)
    weight = every[tag] if tag else torchvision.models.get_model_weights(name).DEFAULT
    needs, url = of_torchvision(weight.transforms(), f"{name}.{weight.name}"), weight.url
    return Origin(f"torchvision:{given}", f"torchvision:{name}", needs, url=url, cached=url.rsplit("/", 1)[-1])


def by_hub(name: str, progress: Progress) -> Origin:
    """A network on Hugging Face's hub that timm can build: its config.json says which it is, and what its weights need."""
    library()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UserError(f"--from hf:{printable(name)} is not OWNER/NAME", fix="such as hf:timm/resnet18.a1_in1k")
    file = fetched(of_hub(name, "config.json"), f"{cached(name).removesuffix('.safetensors')}.json", progress)
    found = read_json(file, "remove it: it is downloaded again")
    architecture = found.get("architecture")
    if not isinstance(architecture, str) or not library().is_model(architecture):
        raise UserError(f"{name} is not a network that timm knows", str(file), f"give {KNOWN}")
    if found.get("model_args"):
        what = f"{name} is {architecture} with arguments that neocog has no words for: {listed(found['model_args'])}"
        raise UserError(what, str(file), f"choose others of timm:{architecture}")
    needs = of_timm(found.get("pretrained_cfg") or found, f"hf:{name}")
    return Origin(f"hf:{name}", f"timm:{architecture}", needs, url=of_hub(name, SAFE), cached=cached(name))


def of_hub(name: str, file: str) -> str:
    return f"{hub()}/{name}/resolve/main/{file}"


def cached(name: str) -> str:
    """The name in the cache of a hub's weights."""
    return f"{name.replace('/', '--')}.safetensors"


def by_run(folder: Path) -> Origin:
    """The network of a run, with its preprocessing: of any task, though a generator sees no images."""
    run = Run(folder)
    if not run.model_json.is_file():
        started = run.config.is_file()
        fix = f"`neocog resume {folder}` ends it" if started else f"give {KNOWN}"
        raise UserError(f"--from {folder}: {'not a finished run' if started else 'no run, and no weights'}", fix=fix)
    facts = read_facts(run)
    if not traits(facts["task"]).sees:
        raise UserError(
            f"--from a {facts['task']}: what it keeps draws images and sees none", str(folder), f"give {KNOWN}"
        )
    needs = of_run(recorded(facts, run), str(folder))
    return Origin(str(folder), facts["model"], needs, facts["options"], run.weights)


def by_file(file: Path, model: str) -> Origin:
    """A file of weights: of the network that ``model`` names, or ("auto") that its tensors' names and shapes tell."""
    refuse_pickle(file)
    if file.suffix != ".safetensors":
        what = f"--from {printable(str(file))}: not a file of weights that is read"
        raise UserError(what, fix=f"give {KNOWN} ({', '.join(PICKLES)}: converted)")
    if (file.parent / "model.json").is_file() and file == Run(file.parent).weights:
        return replace(by_run(file.parent), name=str(file))
    note = ""
    if model == "auto":
        model, note = guessed(file)
    source, _, name = model.rpartition(":")
    needs = Needs()
    if source == "timm" and (record := record_of(name)):
        needs = of_timm(record.to_dict(), name)
    elif source == "torchvision" and name in torchvision_names():
        needs = by_torchvision(name).needs
    return Origin(str(file), model, needs, file=file, note=note)
