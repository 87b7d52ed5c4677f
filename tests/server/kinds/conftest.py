"""A tiny run of each kind that the studio has a panel for, each in a second or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.predictor import Predictor, load_predictor
from neocog.run import Run
from neocog.server.frame import pack, unpack

TINY: dict[str, Any] = {"epochs": 2, "threads": 1, "quiet": True}


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def scene(seed: int, side: int = 32) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    """A bright rectangle on a dark ground: (side, side, 3), its mask, and its box."""
    rng = np.random.default_rng(seed)
    (high, wide), (y, x) = rng.integers(10, 16, 2), rng.integers(1, side - 16, 2)
    mask = np.zeros((side, side), np.uint8)
    mask[y : y + high, x : x + wide] = 1
    pixels = rng.normal(60, 10, (side, side, 3)) + 130 * mask[..., None] * (1, 0.6, 0.2)
    return pixels, mask, (int(x), int(y), int(x + wide), int(y + high))


def table(folder: Path, head: str, row: Callable[[int], str], count: int = 24) -> Path:
    """A CSV of scenes, each saved as a PNG."""
    for index in range(count):
        save(folder / f"{index}.png", scene(index)[0])
    (folder / "table.csv").write_text("\n".join([head, *map(row, range(count))]) + "\n", encoding="utf-8")
    return folder / "table.csv"


def values(folder: Path) -> Run:
    def row(index: int) -> str:
        x0, y0, x1, y1 = scene(index)[2]
        return f"{index}.png,{(x1 - x0) * (y1 - y0)},{(x0 + x1) / 2:g}"

    data = table(folder, "image,area [mm²],middle", row, 60)
    return neocog.train(data, folder / folder.name, model="cnn", widths="4", hidden="8", **TINY)


def masks(folder: Path) -> Run:
    for index in range(24):
        pixels, mask, _ = scene(index)
        save(folder / "data" / "images" / f"{index}.png", pixels)
        save(folder / "data" / "masks" / f"{index}.png", mask * 255)
    settings = {"width": 4, "depth": 1, "lr": 0.01, "batch": 2, **TINY, "epochs": 20}
    return neocog.train(folder / "data", folder / folder.name, task="segmentation", **settings)


def boxes(folder: Path) -> Run:
    def row(index: int) -> str:
        return f"{index}.png,{'ab'[index % 2]},{','.join(map(str, scene(index)[2]))}"

    data = table(folder, "image,label,x0,y0,x1,y1", row, 40)
    return neocog.train(data, folder / folder.name, width=4, batch=4, lr=0.01, **{**TINY, "epochs": 12})


def restored(folder: Path) -> Run:
    for index in range(12):
        save(folder / "data" / f"{index}.png", scene(index)[0])
    settings = {"degrade": "bicubic:2", "width": 4, "blocks": 1, "windows": 2, "patch": (12,), "batch": 4, **TINY}
    return neocog.train(folder / "data", folder / folder.name, task="restoration", **settings)


def style(folder: Path) -> Run:
    for index in range(8):
        save(folder / "photos" / f"{index}.png", scene(index)[0])
    save(folder / "painting.png", np.random.default_rng(99).random((64, 64, 3)) * (255, 60, 0))
    settings = {"painting": str(folder / "painting.png"), "strokes": 64, "batch": 2, "width": 4, "blocks": 1, **TINY}
    return neocog.train(folder / "photos", folder / folder.name, task="style", size=32, **settings)


def turned(folder: Path) -> Run:
    for index in range(24):
        pixels = scene(index)[0]
        pixels[:8] += 100
        save(folder / "data" / "a" / f"{index}.png", pixels)
    return neocog.train(folder / "data", folder / folder.name, task="orientation", model="cnn", widths="4", **TINY)


def codes(folder: Path) -> Run:
    return neocog.train(
        "digits", folder / folder.name, task="vae", latent=4, hidden=8, widths=(4,), **{**TINY, "epochs": 4}
    )


def drawn(folder: Path) -> Run:
    """A generator that can be asked for a class."""
    settings = {"latent": 6, "width": 4, "batch": 256, "conditional": True, **TINY}
    return neocog.train("digits", folder / folder.name, task="gan", **settings)


def volumes(folder: Path) -> Run:
    rng, labels = np.random.default_rng(3), np.arange(40) % 2
    voxels = rng.normal(40, 20, (40, 10, 12, 14))
    voxels[labels == 1, 3:7, 4:8, 5:9] += 150
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "solids.npz", X=voxels.clip(0, 255).astype(np.uint8), y=labels)
    return neocog.train(folder / "solids.npz", folder / folder.name, model="cnn3d", widths="4,6", hidden="8", **TINY)


def sequences(folder: Path) -> Run:
    rng, lines = np.random.default_rng(0), []
    for index in range(80):
        letters = rng.choice(list("ACGT"), 60)
        letters[20:28] = list("AAAATTTT" if index % 2 else "CCGGCCGG")
        lines.append(f">s{index}|{('Aedes', 'Culex')[index % 2]}\n{''.join(letters)}\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "known.fasta").write_text("".join(lines), encoding="ascii")
    settings = {"model": "barcode-resnet", "width": "8", "batch": 16, **TINY}
    return neocog.train(folder / "known.fasta", folder / folder.name, **settings)


KINDS: dict[str, Callable[[Path], Run]] = {
    "values": values, "masks": masks, "boxes": boxes, "restored": restored, "style": style, "turned": turned, "codes": codes,
    "drawn": drawn, "volumes": volumes, "sequences": sequences,
}  # fmt: skip

Header = dict[str, Any]
Arrays = dict[str, np.ndarray]


class Kind:
    """One run and a client of the studio on it."""

    def __init__(self, run: Run, client: Any, place: int) -> None:
        self.run, self.client, self.place = run, client, place
        self.facts: dict[str, Any] = client.get(f"/api/runs/{place}").json()

    @property
    def predictor(self) -> Predictor:
        return load_predictor(self.run)

    def post(self, address: str, arrays: Arrays | None = None, **header: Any) -> Any:
        return self.client.post(f"/api/runs/{self.place}/{address}", content=pack(header, arrays or {}))

    def ask(self, address: str, arrays: Arrays | None = None, **header: Any) -> tuple[Header, Arrays]:
        answer = self.post(address, arrays, **header)
        assert answer.status_code == 200, answer.text
        return unpack(answer.content)

    def file(self, name: str = "0.png") -> Path:
        return self.run.folder.parent / name

    def first(self) -> dict[str, Any]:
        """What the page begins with: a test sample, or a latent vector."""
        return {"source": "code"} if self.facts["form"] == "codes" else {"source": "sample", "sample": 0}

    def code(self) -> Arrays:
        return {"picture": np.array(self.facts["latent"]["start"], np.float32)} if self.facts["form"] == "codes" else {}


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory, client_of: Callable[..., Any]) -> Iterator[Callable[[str], Kind]]:
    """``kinds("masks")``: trained when it is first asked for."""
    runs, made = list[Run](), dict[str, Kind]()
    folder = tmp_path_factory.mktemp("kinds")
    with client_of(runs) as client:

        def kind(name: str) -> Kind:
            if name not in made:
                (folder / name).mkdir()
                runs.append(KINDS[name](folder / name))
                made[name] = Kind(runs[-1], client, len(runs) - 1)
            return made[name]

        yield kind


@pytest.fixture(scope="session", name="scene")
def scene_of() -> Callable[..., Any]:
    """``scene(seed)``: a picture, its mask and its box."""
    return scene
