"""``python -m neocog.competition.predicting RUN SAMPLES OUT``: a trained entry's answers to samples without labels, contained.

OUT is an .npy of what the run's kind (``kinds``) takes for answers, in the order of the samples; the names that they speak of,
such as those of the classes, stand one a line in names.txt beside it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from neocog.competition.kinds import KINDS
from neocog.config import from_run
from neocog.data.formats.decoding import Decoding
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.engine.repeatable import as_trained
from neocog.predictor import evaluation_threads, load_predictor
from neocog.run import Run
from neocog.traits import needs, task_of


def main(arguments: list[str]) -> None:
    """Compute the answers as ``evaluate`` does."""
    run, samples, out = Run(Path(arguments[0])), Path(arguments[1]), Path(arguments[2])
    config = from_run(run.config)
    with as_trained(config.training, evaluation_threads(run)) as device:
        predictor = load_predictor(run, device)
        reading = Reading.of(replace(config.data, task=task_of("classes")), 1)  # all are of the one that tells nothing
        dataset = open_dataset(samples, Decoding.recorded(predictor.preprocessing), reading)
        names, answers = KINDS[needs(predictor.task)].answers(predictor, dataset)
    out.with_name("names.txt").write_text("\n".join(names), encoding="utf-8")
    np.save(out, answers, allow_pickle=False)


if __name__ == "__main__":
    main(sys.argv[1:])
