"""Are the changes that falsify an answer found, and those that do not left alone? On data of which it is known.

    python bench/symmetry.py                          # 13 + 8 data sets, 20, 50 and 200 samples a class, 3 seeds, clutter or none
    python bench/symmetry.py --sizes 50 --seeds 1 --only arrows

A change that falsifies is decided rightly where it is off (falsified, or doubtful), one that does not where it is on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from neocog.augment.keeps import Known, verdicts

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "planted"))
sets = import_module("mirrored")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 200])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    total, times = Counter[str](), list[float]()
    for name, made in {**sets.FALSE, **sets.HARMLESS}.items():
        if options.only and name not in options.only:
            continue
        for size in options.sizes:
            found: dict[str, Counter[str]] = {}
            last: dict[str, str] = {}
            for seed, clutter in ((s, c) for s in range(options.seeds) for c in (False, True)):
                planted = made(np.random.default_rng(1000 * seed + size), size, clutter)
                started = time.process_time()
                known = Known(planted.names, planted.labels, planted.values, planted.masks)
                changes = list(planted.keeps)
                for verdict in verdicts(torch.from_numpy(planted.pixels), known, planted.form, changes, seed):
                    truth = planted.keeps[verdict.change]
                    right = (verdict.keeps is True) == truth
                    found.setdefault(verdict.change, Counter())[f"{verdict.keeps}"] += 1
                    total["right" if right else "wrong"] += 1
                    total[f"{'harmless' if truth else 'false'}, {'right' if right else 'wrong'}"] += 1
                    if not right or verdict.change not in last:
                        last[verdict.change] = verdict.evidence
                times.append(time.process_time() - started)
            for change, counts in found.items():
                truth = planted.keeps[change]
                good = sum(n for word, n in counts.items() if (word == "True") == truth)
                mark = "" if good == counts.total() else "   <<<"
                print(
                    f"{name:14} {size:4} a class  {change:13} keeps: {truth!s:5}",
                    f"right {good} of {counts.total()} {dict(counts)}{mark}",
                    flush=True,
                )
                if mark:
                    print(f"      {last[change]}")
    print(dict(total), f"seconds a data set: median {np.median(times):.2f}, most {max(times):.2f}")


if __name__ == "__main__":
    main()
