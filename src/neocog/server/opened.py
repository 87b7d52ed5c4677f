"""A run that the page looks through: its network, by one thread of its own, and its test part."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.data.split import read_splits
from neocog.data.unchanged import held_to_record
from neocog.documents import rows
from neocog.errors import UserError, printable
from neocog.progress import Progress
from neocog.run import Run
from neocog.server.asked import Asked, Form

if TYPE_CHECKING:  # torch takes seconds to load, which the first page need not wait for
    from neocog.predictor import Predictor
    from neocog.server.times import Times

T = TypeVar("T")
SOURCES: dict[Form, tuple[str, ...]] = {
    "images": ("drawn", "file", "sample", "split"),
    "volumes": ("file", "sample", "split"),
    "sequences": ("typed", "sample", "split"),
    "codes": ("code",),
}  # what the page can send


class Opened:
    """One run. Its network belongs to one thread: small networks are soonest through on one, and no look disturbs another."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._thread = ThreadPoolExecutor(1, f"network of {run.folder.name}")
        self._reading = threading.Lock()
        self._predictor: Predictor | None = None

    async def with_network(self, work: Callable[[Predictor], T], weights: str = "") -> T:
        """``work`` with the network, in its thread. Raises UserError for a run that cannot be opened."""

        def worked() -> T:
            try:
                own = self.predictor()
                return work(self.times.at(own, weights) if weights else own)
            except UserError:
                if self.run.folder.is_dir():
                    raise
                fix = "restore it, or choose another run"
                raise UserError("the folder of this run is gone", printable(str(self.run.folder)), fix) from None

        return await asyncio.get_running_loop().run_in_executor(self._thread, worked)

    def prepare(self) -> None:
        """Load the network and open the data before anybody asks; a fault is told to whoever does."""

        def prepared() -> None:
            with suppress(UserError):
                self.predictor()
                if self.form != "codes" and self.tests:
                    self.sample(0)

        self._thread.submit(prepared)

    @cached_property
    def times(self) -> Times:
        from neocog.server.times import Times

        return Times(self.run)

    def predictor(self) -> Predictor:
        """Loaded once, on the processor. Only the network's thread calls this."""
        if self._predictor is None:
            import torch

            from neocog.predictor import load_predictor
            from neocog.server.seen import for_looking

            torch.set_num_threads(1)
            self._predictor = for_looking(load_predictor(self.run))
        return self._predictor

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def predictions(self) -> list[dict[str, str]]:
        """The rows of predictions.csv; [] where the run has none."""
        return rows(self.run.predictions_csv) if self.run.predictions_csv.is_file() else []

    @cached_property
    def tests(self) -> list[dict[str, Any]]:
        """A row a test sample, as predictions.csv has them; [] where the run has none."""
        found = []
        for position, row in enumerate(self.predictions):
            named = {name: row.get(name, "") for name in ("path", "label", "prediction", "probability")}
            found.append({"sample": position, **named, "wrong": row.get("correct", "1") == "0"})
        return found

    def sample(self, position: int) -> Array:
        """(H, W, C) stored pixels of a test sample. Raises UserError where the data are gone."""
        if position >= len(self.tests):
            raise UserError(f"the test part has no sample {position}", str(self.run.folder), "load the page again")
        return self.named(self.tests[position]["path"])

    @cached_property
    def split(self) -> tuple[str, ...]:
        """The names of all samples, as splits.csv has them."""
        from neocog.data.split import read_splits

        return read_splits(self.run.splits_csv).names

    def split_sample(self, position: int) -> Array:
        """(H, W, C) stored pixels of a sample by its place in splits.csv. Raises UserError where the data are gone."""
        if not 0 <= position < len(self.split):
            raise UserError(f"the data have no sample {position}", str(self.run.folder), "load the page again")
        return self.named(self.split[position])

    def named(self, name: str) -> Array:
        """(H, W, C) stored pixels of a sample. Raises UserError where the data are gone, of a damaged file BadImage."""
        with self._reading:
            dataset, places = self._data
        if name not in places:
            raise UserError("this sample is gone from the data", name, "restore it")
        return dataset.images.read(places[name])

    @property
    def dataset(self) -> Dataset:
        """The run's data, as training read them."""
        with self._reading:
            return self._data[0]

    @cached_property
    def _data(self) -> tuple[Dataset, dict[str, int]]:
        from neocog.predictor import load_predictor
        from neocog.verbs.evaluate import read_as
        from neocog.verbs.session import open_data

        preprocessing = load_predictor(self.run).preprocessing
        dataset = open_data(read_as(self.run, None, {}).data, Progress(True), preprocessing=preprocessing)
        dataset = held_to_record(dataset, read_splits(self.run.splits_csv))
        return dataset, {name: index for index, name in enumerate(dataset.names)}

    @property
    def form(self) -> Form:
        """What the network takes. Only its thread calls this."""
        from neocog.server.seen import form_of

        return form_of(self.predictor())

    def picture(self, asked: Asked, body: Array | None) -> Array:
        """(H, W, C) stored pixels of what is asked about, of volumes (D, H, W, C); a sequence's letters (1, L, 1), a latent vector
        (L,). Raises UserError, of a file that cannot be read BadImage."""
        if asked.source not in SOURCES[self.form]:
            what = f"this run's network takes {self.form}, and what came is {asked.source}"
            raise UserError(what, str(self.run.folder), "load the page again")
        if asked.source == "sample":
            return self.sample(asked.sample)
        if asked.source == "split":
            return self.split_sample(asked.sample)
        if asked.source == "typed":
            return self.typed(asked.letters)
        if body is None:
            raise UserError("no picture came with the question", "the message", "load the page again")
        if asked.source == "code":
            return self.code(body)
        return self.drawn(body) if asked.source == "drawn" else self.file(body, asked.name)

    def typed(self, letters: str) -> Array:
        """(1, L, 1) the bases of a sequence's letters. Raises UserError."""
        from neocog.server.seen import codes_of

        return codes_of(letters)

    def code(self, body: Array) -> Array:
        """(L,) a latent vector. Raises UserError."""
        from neocog.server.panels import vectors

        found: Array = vectors(body[None], int(self.predictor().facts["latent"]))[0]
        return found

    def drawn(self, body: Array) -> Array:
        """What was drawn, 0 … 255, in the units of the run's own pixels."""
        if body.ndim != 3 or body.dtype != np.uint8 or body.shape[2] not in (1, 3) or not 0 < body.size <= 4 << 20:
            raise UserError("this is no drawing", "the message", "load the page again")
        preprocessing = self.predictor().preprocessing
        if preprocessing.dtype == "uint8":
            return body
        low, high = preprocessing.low, preprocessing.high
        return (low + body.astype(np.float32) / 255 * (high - low)).astype(preprocessing.dtype)

    def file(self, body: Array, name: str) -> Array:
        from neocog.data.formats.decoding import Decoding
        from neocog.data.images import decode_bytes

        stored, _ = decode_bytes(body.tobytes(), Decoding.recorded(self.predictor().preprocessing), name[:200])
        if (stored.ndim == 4) != (self.form == "volumes"):
            is_, takes = ("a volume", "images") if stored.ndim == 4 else ("an image", "volumes")
            raise UserError(f"{is_}, and this run's network is for {takes}", name[:200], f"give one of {takes}")
        return stored
