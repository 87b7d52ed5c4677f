"""``python -m neocog.competition.predicting RUN SAMPLES OUT``: a trained entry's answers to samples without classes, contained.

OUT is an .npy of (n, K) float32 logits in the order of the samples; the K classes are the run's, one a line in classes.txt
beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from neocog.config import from_run
from neocog.data.formats.decoding import Decoding
from neocog.data.loader import Streamed
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.engine.repeatable import as_trained
from neocog.predictor import evaluation_threads, load_predictor
from neocog.run import Run
from neocog.tasks.evaluation import Samples, outputs_of


def main(arguments: list[str]) -> None:
    """Compute the answers as ``evaluate`` does."""
    run, samples, out = Run(Path(arguments[0])), Path(arguments[1]), Path(arguments[2])
    config = from_run(run.config)
    with as_trained(config.training, evaluation_threads(run)) as device:
        predictor = load_predictor(run, device)
        seen = predictor.preprocessing
        dataset = open_dataset(samples, Decoding.recorded(seen), Reading.of(config.data, 1))
        asked = Samples(dataset, np.arange(len(dataset)), Streamed(dataset.images, seen, 0), 0)
        logits = outputs_of(predictor, asked, len(predictor.classes), lambda _: None)
    out.with_name("classes.txt").write_text("\n".join(predictor.classes), encoding="utf-8")
    np.save(out, logits.astype(np.float32), allow_pickle=False)


if __name__ == "__main__":
    main(sys.argv[1:])
