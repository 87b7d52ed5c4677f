"""Images with the images that are wanted of them: pairs in folders or in a CSV, or clean images that are made worse on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Dataset, Images, LeftOut, Taken
from neocog.data.degrade import Cropped, Degradation, Degraded
from neocog.data.formats.decoding import Decoding
from neocog.data.images import FileImages
from neocog.data.pairs import fields_of, scale_of
from neocog.data.readers.folders import SPLIT_NAMES, subfolders
from neocog.data.readers.mask_folders import matched_pair
from neocog.data.readers.mask_pairs import Pairs
from neocog.data.readers.reading import Reading
from neocog.data.readers.rows import read_header, read_rows
from neocog.data.readers.table import CSV_SUFFIXES, listing_of
from neocog.data.readers.table_paths import names_of
from neocog.data.readers.unlabelled import read_unlabelled
from neocog.errors import UserError, count, listed, printable, raise_all

INPUTS = ("low", "lr", "noisy", "take1", "input", "inputs", "degraded", "blurred", "blur")
TARGETS = ("high", "hr", "clean", "take2", "target", "targets", "gt", "sharp", "truth")
LAYOUT = "pairs of images (low/ with high/, noisy/ with clean/)"
PAIR_LAYOUTS = (
    "low/ with high/, noisy/ with clean/ or input/ with target/, files of equal names, also below train/ val/ test/; "
    "a CSV with the columns input and target; clean images with --degrade, such as --degrade gauss:25; two noisy takes of each "
    "image (take1/ with take2/) with --supervision noise2noise; noisy images alone with --supervision noise2void"
)
TAKES = "take1/ with take2/"
FEW = 3  # names that a message shows


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """Inputs and the images wanted of them, where such are asked for.

    Raises UserError where there are none, or where pairs are to be made worse too.
    """
    if reading.labels != "pairs":
        return None
    shown = printable(str(path))
    found = _in_table(path, decoding) if path.is_file() else _in_folders(path, decoding)
    alone = reading.task_options.get("degrade") or supervision_of(reading) == "noise2void"
    if found is None and (path.is_file() or not alone):
        raise UserError("no pairs of images", shown, f"neocog reads {PAIR_LAYOUTS}")
    if found is None:
        return paired(_with_parts(read_unlabelled(path, decoding)), None, reading, shown)
    return paired(found, found.pairs, reading, shown)


def paired(data: Dataset, wanted: Images | None, reading: Reading, where: str) -> Dataset:
    """``data`` with the images wanted of it: those that are given, or, None, itself, where --degrade makes inputs of it, or
    where the noisy images are all there is (Noise2Void).

    Raises UserError where there is neither, or both.
    """
    how, supervision = str(reading.task_options.get("degrade", "")), supervision_of(reading)
    if wanted is None and not how and supervision == "noise2void":
        taken = Taken("images", "noisy images", "there are no clean ones", "--supervision")
        return replace(data, kind="noisy images alone", pairs=data.images, truth="itself", taken=(*data.taken, taken))
    if wanted is None and not how:
        raise UserError("no target images", where, f"neocog reads {PAIR_LAYOUTS}")
    if wanted is None:
        return degraded(data, how)
    if how:
        what = f"--degrade {printable(how)} makes inputs of clean images; these data ({data.kind}) have inputs of their own"
        raise UserError(what, where, "leave it out, or give the folder of the clean images")
    two_takes = data.kind == TAKES or supervision == "noise2noise"
    if data.kind == TAKES and supervision != "noise2noise":
        fix = "--supervision noise2noise; of clean images call the folder clean"
        raise UserError(f"{TAKES} are two noisy takes, and neither is clean", where, fix)
    scale = scale_of(data.images, wanted, data.names)
    if scale > 1 and supervision != "clean":
        what = f"--supervision {supervision} takes noise away, and the target images are {scale} times as large"
        raise UserError(what, where, "leave it out")
    data = replace(data, pairs=wanted, scale=scale, truth="noisy" if two_takes else "clean")
    return data if data.groups is not None or reading.groups else _bound_by_field(data, wanted)


def _bound_by_field(data: Dataset, wanted: Images) -> Dataset:
    """Inputs of one wanted image as a group: what was learned of one field is not tested on another take of it."""
    fields = fields_of(wanted, data.names)
    if fields is None:
        return data
    known = fields[fields != ""]
    evidence = f"{len(known):,} inputs share {len(set(known.tolist())):,} target images"
    return replace(data, groups=fields, taken=(*data.taken, Taken("target images", "group", evidence, "--groups none")))


def supervision_of(reading: Reading) -> str:
    return str(reading.task_options.get("supervision", "clean"))


def degraded(data: Dataset, how: str) -> Dataset:
    """Clean images as what is wanted, and what ``how`` makes of them as inputs. Raises UserError."""
    degradation = Degradation.of(how)
    clean = Cropped(data.images, data.names, degradation.scale)
    taken = Taken("images", "the target images", f"inputs are made from them by {how}", "--degrade")
    return replace(
        data,
        kind=f"clean images and {how}",
        images=Degraded(clean, data.names, degradation),
        pairs=clean,
        scale=degradation.scale,
        taken=(*data.taken, taken),
    )


def _with_parts(data: Dataset) -> Dataset:
    """The split of folders train/, val/ and test/, where all images lie in such."""
    parts = [SPLIT_NAMES.get(name.split("/")[0].lower(), "") if "/" in name else "" for name in data.names]
    return replace(data, splits=np.array(parts)) if all(parts) else data


def _in_table(file: Path, decoding: Decoding) -> Dataset | None:
    """A CSV with the columns input and target, and perhaps group, split and weight."""
    if file.suffix.lower() not in CSV_SUFFIXES:
        return None
    names = (*INPUTS, *TARGETS)
    header = [name.lower() for name in read_header(file, names)]
    first, second = (next((n for n in known if n in header), None) for known in (INPUTS, TARGETS))
    if first is None or second is None:
        return None
    table = read_rows(file, names)
    listing = listing_of(file, table, Reading(columns=(f"image={first}",)), learned=False)
    cells = table.columns[header.index(second)]
    wanted, notes = names_of(file.parent, cells, table.lines, listing.faults)
    kept = listing.kept([cells])
    data = listing.dataset(kept, decoding, "CSV with pairs", notes, labels=np.zeros(len(kept), np.int64), classes=())
    return replace(data, pairs=FileImages(file.parent, wanted.take(np.asarray(kept, np.int64)), decoding))


def _in_folders(root: Path, decoding: Decoding) -> Dataset | None:
    """Equal paths below two folders, or below two folders of each part of a split."""
    folders = [(*pair, "") for pair in _two(root)]
    for part in () if folders else subfolders(root):
        if part.lower() in SPLIT_NAMES:
            folders += [(f"{part}/{a}", f"{part}/{b}", SPLIT_NAMES[part.lower()]) for a, b in _two(root / part)]
    if not folders:
        return None
    found = [matched_pair(root, *each) for each in folders]
    pairs = Pairs.together([each for each, *_ in found])
    alone = [
        (name, what) for _, a, b in found for names, what in ((a, "no target image"), (b, "no input")) for name in names
    ]
    kind = listed([f"{a}/ with {b}/" for a, b, _ in folders])
    if not len(pairs):
        what = f"no two files of one name in {kind}"
        raise UserError(
            what, printable(str(root)), f"name both alike; {listed([n for n, _ in alone], FEW)} stand alone"
        )
    raise_all(_lonely(root, alone))
    return Dataset(
        kind=kind,
        root=root,
        names=pairs.images,
        labels=np.zeros(len(pairs), np.int64),
        classes=(),
        images=FileImages(root, pairs.images, decoding),
        splits=pairs.splits if (pairs.splits != "").any() else None,
        left_out=tuple(LeftOut(name, "", what) for name, what in alone),
        taken=(Taken(kind, "inputs and their target images", f"{count(pairs, 'pair')} of equal names"),),
        pairs=FileImages(root, pairs.masks, decoding),
    )


def _lonely(root: Path, alone: Sequence[tuple[str, str]]) -> Iterator[UserError]:
    for what in dict.fromkeys(what for _, what in alone):
        names = [name for name, why in alone if why == what]
        what = f"{len(names)} images have {what}" if len(names) > 1 else f"1 image has {what}"
        where = f"{printable(str(root))}: {listed(map(printable, names), FEW)}"
        yield UserError(what, where, "add its partner, under the same name, or take the image away")


def _two(folder: Path) -> list[tuple[str, str]]:
    """The folders of inputs and of wanted images, where both are there."""
    there = {name.lower(): name for name in subfolders(folder)}
    first, second = (next((there[n] for n in known if n in there), None) for known in (INPUTS, TARGETS))
    return [(first, second)] if first and second else []
