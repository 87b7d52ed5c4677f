"""Sequences of DNA as a data set: from FASTA, or from the records of a table.

A sequence is an image of 1 × L pixels, one channel, whose values are the codes of ``nucleotides``: the network sees the
four shares of A, C, G and T in their place (``normalise``).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, ArrayImages, Dataset, Images, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.names import Names
from neocog.data.nucleotides import BAD, CODES, GAP
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers import fasta
from neocog.data.readers.classes import index_classes, look_alikes
from neocog.data.readers.labels import refuse_missing
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, listed, printable, raise_all

LAYOUT = "FASTA"
FAR = 1.5  # times the length that 95 % of the sequences keep within: longer ones are cropped


@dataclass(frozen=True)
class SequenceImages(ArrayImages):
    """(N, 1, L, 1) uint8 codes, padded with 0 at the end."""

    def digest(self, index: int) -> str:
        """Of the letters alone, so that the padding does not matter."""
        codes = self.array[index].ravel()
        length = int(np.flatnonzero(codes)[-1]) + 1 if codes.any() else 0
        return hashlib.sha256(b"nucleotides" + codes[:length].tobytes()).hexdigest()


def read_sequences(path: Path, reading: Reading) -> Dataset:
    """The labelled sequences of a FASTA file. Raises UserError with every fault."""
    records = fasta.read_records(path)
    ids, labels, note = fasta.labels_of(records, reading.label_field, printable(str(path)))
    refuse_missing(labels, reading, printable(str(path)))
    data = dataset(path, "FASTA", ids, records.letters, labels, reading, [note])
    return replace(data, taken=(Taken("header of the records", "label", note, "--label-field"),))


def read_unlabelled(path: Path, length: int) -> tuple[list[str], Array]:
    """The ids of a FASTA file's records, and their codes (N, 1, 1, length): gaps left out, cropped or padded."""
    records = fasta.read_records(path)
    ids = [header.split("|")[0].split(maxsplit=1)[0] if header.strip("| ") else "" for header in records.headers]
    contents = encoded(ids, records.letters, "strip", printable(str(path)), [])
    array = np.frombuffer(b"".join(one[:length].ljust(length, b"\0") for one in contents), np.uint8)
    return list(_names(ids)), array.reshape(len(ids), 1, 1, length)


def dataset(
    path: Path, kind: str, ids: list[str], letters: list[bytes], labels: list[str], reading: Reading, notes: list[str]
) -> Dataset:
    """Records as a data set: repeated ones dropped, rare classes left out, lengths made equal."""
    where = printable(str(path))
    contents = encoded(ids, letters, reading.gaps, where, notes, labels)
    kept = _distinct(ids, notes)
    kept = _frequent(labels, kept, reading.min_samples, notes, where)
    array = padded([contents[i] for i in kept], notes)
    names = Names(_names([ids[i] for i in kept]))
    index, classes = index_classes([labels[i] for i in kept])
    copies = len(kept) - len({contents[i][: array.shape[2]] for i in kept})
    if copies:
        notes.append(
            f"{copies:,} of {len(kept):,} sequences are identical to another: they stay on one side of the split"
        )
    return Dataset(
        kind=kind,
        root=path.parent,
        names=names,
        labels=index,
        classes=classes,
        images=SequenceImages(array, names),
        notes=(*notes, *look_alikes(classes)),
        mirror=False,
        form="sequences",
    )


def sequence_plan(images: Images, size: Sequence[int]) -> Preprocessing:
    """What all sequences become: codes of one length, the stored one or the last of ``size``."""
    length = size[-1] if size else images.header(0).width
    return Preprocessing(1, (1, length), "uint8", (0.0,), (1.0,), high=15.0, encoding="nucleotides")


def encoded(
    ids: Sequence[str],
    letters: Sequence[bytes],
    gaps: str,
    where: str,
    notes: list[str],
    labels: Sequence[str] = (),
) -> list[bytes]:
    """Each record's letters as codes. Raises UserError with every fault; with ``labels``, of ids that stand for two things."""
    joined = b"".join(letters)
    codes = np.frombuffer(joined.translate(CODES.tobytes()), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, letters), np.int64, len(letters)))
    problems = list(_faults(ids, joined, codes, ends, gaps, where))
    raise_all([*problems, *(_contradictions(ids, labels, letters, where) if labels else ())])
    rna = joined.count(b"U") + joined.count(b"u")
    if rna:
        notes.append(f"{rna:,} letters U taken for T")
    good = codes < GAP
    if not good.all():
        notes.append(f"{int((~good).sum()):,} gaps and blanks left out of the sequences")
        ends = np.concatenate([[0], np.cumsum(good)])[ends]
        codes = codes[good]
    starts = np.concatenate([[0], ends[:-1]])
    whole = codes.tobytes()
    return [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _faults(ids: Sequence[str], joined: bytes, codes: Array, ends: Array, gaps: str, where: str) -> Iterator[UserError]:
    def record(place: int) -> int:
        return int(np.searchsorted(ends, place, "right"))

    bad = np.flatnonzero(codes == BAD)
    if len(bad):
        seen = bytes(sorted({joined[i] for i in bad[:10_000].tolist()})).decode("latin-1")
        places = []
        for place in bad[:20].tolist():
            n = record(place)
            position = place - (int(ends[n - 1]) if n else 0) + 1
            places.append(f"record {n + 1} '{ids[n]}' position {position}: {printable(chr(joined[place]))!r}")
        protein = len(set(seen.upper()) & set("EFILPQ")) >= 3
        what = f"{len(bad):,} characters that are no letters of DNA"
        what += ": this looks like protein" if protein else f" ({printable(seen)})"
        yield UserError(what, f"{where}: {listed(places)}", "give DNA: A C G T U, the IUPAC letters R to V, and N")
    found = np.flatnonzero(codes == GAP)
    if len(found) and gaps == "error":
        owners = np.unique(np.searchsorted(ends, found, "right")).tolist()
        what = f"{count(len(found), 'gap')} (- or .) in {count(owners, 'record')}: these sequences are aligned"
        places = [f"record {n + 1} '{ids[n]}'" for n in owners]
        yield UserError(what, f"{where}: {listed(places)}", "--gaps strip takes them out")
    before = np.concatenate([[0], ends])
    blank = codes >= GAP
    if blank.any():
        before = np.concatenate([[0], np.cumsum(~blank | (codes == BAD))])[before]
    empty = np.flatnonzero(np.diff(before) == 0).tolist()
    if empty:
        places = [f"record {n + 1} '{ids[n]}'" for n in empty]
        yield UserError(f"{count(empty, 'record')} without a letter", f"{where}: {listed(places)}", "remove them")


def _contradictions(ids: Sequence[str], labels: Sequence[str], letters: Sequence[bytes], where: str) -> list[UserError]:
    """Ids that stand for different sequences or labels."""
    first: dict[str, int] = {}
    wrong: list[str] = []
    if len(set(ids)) == len(ids):
        return []
    for index, name in enumerate(ids):
        earlier = first.setdefault(name, index)
        same = letters[index].upper() == letters[earlier].upper() and labels[index] == labels[earlier]
        if name and not same:
            wrong.append(f"'{name}' (records {earlier + 1} and {index + 1})")
    what = f"{len(wrong):,} ids stand for different sequences or labels"
    return [UserError(what, f"{where}: {listed(wrong)}", "give each record an id of its own")] if wrong else []


def padded(contents: Sequence[bytes], notes: list[str]) -> Array:
    """(N, 1, L, 1) uint8: the records one under the other, padded at the end.

    L is the longest, unless that is far longer than most: then L holds 95 % of them whole, and the others are cropped.
    """
    sizes = np.fromiter(map(len, contents), np.int64, len(contents))
    longest, most = int(sizes.max()), int(np.quantile(sizes, 0.95))
    width = longest if longest <= FAR * most else most
    longer, shorter = int((sizes > width).sum()), int((sizes < width).sum())
    if longer:
        notes.append(f"{longer:,} sequences are cropped to {width:,} letters; the longest has {longest:,}")
    if shorter:
        notes.append(f"{shorter:,} sequences are padded to {width:,} letters")
    array = np.frombuffer(b"".join(one[:width].ljust(width, b"\0") for one in contents), np.uint8)
    return array.reshape(len(contents), 1, width, 1)


def _distinct(ids: Sequence[str], notes: list[str]) -> list[int]:
    """Records to keep: of those with one id the first, since they are the same."""
    first = {name: index for index, name in reversed(list(enumerate(ids)))}
    kept = [index for index, name in enumerate(ids) if not name or first[name] == index]
    if len(kept) < len(ids):
        notes.append(f"{len(ids) - len(kept):,} repeated records dropped")
    return kept


def _frequent(labels: list[str], kept: list[int], least: int, notes: list[str], where: str) -> list[int]:
    counts = Counter(labels[i] for i in kept)
    enough = {label for label, count in counts.items() if count >= least}
    if len(enough) == len(counts):
        return kept
    if not enough:
        most = max(counts.values())
        what = f"no class has {least:,} samples; the largest has {most:,}"
        raise UserError(what, where, "give a lower --min-samples")
    found = [i for i in kept if labels[i] in enough]
    notes.append(
        f"{count(len(counts) - len(enough), 'class')} with fewer than {least:,} samples left out: "
        f"{len(found):,} of {len(kept):,} sequences in {count(enough, 'class')} remain"
    )
    return found


def _names(ids: list[str]) -> Iterator[str]:
    """Unique names: the ids, those without one numbered."""
    for number, name in enumerate(ids, 1):
        yield name or f"record {number}"


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """FASTA; None for what is none."""
    return read_sequences(path, reading) if path.is_file() and fasta.is_fasta(path) and not reading.marks else None
