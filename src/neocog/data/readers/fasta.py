"""FASTA, plain or gzipped → records: header and letters of each. What is no FASTA is named for what it is."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from neocog.data.formats.decoding import DEFAULT, INFLATED
from neocog.data.readers.reading import ambiguous
from neocog.errors import UserError, count, listed, printable

SUFFIXES = (".fasta", ".fa", ".fna", ".fas", ".fasta.gz", ".fa.gz", ".fna.gz", ".fas.gz")
MOST_BYTES = 4 << 30  # of an unpacked file: a guard against gzip bombs
BLOCK = 1 << 24
GENUS = "genus"


@dataclass(frozen=True)
class Records:
    """N records in the order of the file: what follows ">", and the letters as they stand there, lines joined."""

    headers: list[str]
    letters: list[bytes]


def is_fasta(path: Path) -> bool:
    """Whether a file's name promises sequences."""
    return path.name.lower().endswith(SUFFIXES)


def read_records(path: Path) -> Records:
    """All records. Line ends of any system and a byte-order mark are fine. Raises UserError for anything that is no FASTA."""
    data, shown = _unpacked(path), printable(str(path))
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n \t")
    if not data:
        raise UserError("no records: the file is empty", shown, "give a FASTA file: >name, then a line of letters")
    if data[:1] != b">":
        raise UserError(_not_fasta(data), f"{shown}: line 1", "FASTA begins with '>' and a name; convert the file")
    headers, letters = [], []
    for record in data[1:].split(b"\n>"):
        head, _, body = record.partition(b"\n")
        headers.append(head.decode("utf-8", "replace").strip())
        letters.append(body.replace(b"\n", b""))
    return Records(headers, letters)


def _unpacked(path: Path) -> bytes:
    """The bytes of a file, of a gzipped one at most ``MOST_BYTES``."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            return file.read()
    parts, size = [], 0
    try:
        with gzip.open(path) as packed:
            while block := packed.read(BLOCK):
                size += len(block)
                if size > MOST_BYTES or size > max(DEFAULT.max_pixels, INFLATED * path.stat().st_size):
                    what = f"unpacks to more than {size - len(block):,} bytes, from {path.stat().st_size:,}"
                    raise UserError(what, printable(str(path)), "unpack it, and give a part of it")
                parts.append(block)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"damaged gzip: {error}", printable(str(path)), "copy the file again") from None
    return b"".join(parts)


def _not_fasta(data: bytes) -> str:
    first = data[:1]
    if first == b"@":
        return "this is FASTQ (it begins with '@'), not FASTA"
    if first == b";":
        return "a ';' comment before the first record"
    if data[:6] in (b"LOCUS ", b"CLUSTA") or data[:4] in (b"ID  ", b"#NEX"):
        return f"this is another format (it begins with '{data[:6].decode('ascii', 'replace').strip()}'), not FASTA"
    return f"text before the first record: '{printable(data[:30].decode('utf-8', 'replace'))}'"


def labels_of(records: Records, field: str, where: str) -> tuple[list[str], list[str], str]:
    """(N,) ids, (N,) labels, and a note on which part of the header the label is.

    Headers are fields between "|". ``field``: "2" is the second field, "2.1" its first word, "genus" the first word of the
    field that is found by itself: the one field that takes few values, neither always the same nor nearly always another.
    Raises UserError.
    """
    rows = [[part.strip() for part in header.split("|")] for header in records.headers]
    ids = [row[0].split(maxsplit=1)[0] if row[0] else "" for row in rows]
    if all(len(row) == 1 for row in rows):  # ">id the rest is the label"
        rows = [[row[0].partition(" ")[0], row[0].partition(" ")[2].strip()] for row in rows]
    place, word, why = _place(rows, field, where)
    missing = [
        f"record {n} '{header[:60]}'"
        for n, (row, header) in enumerate(zip(rows, records.headers, strict=True), 1)
        if len(row) <= place or not row[place]
    ]
    if missing:
        what = f"{count(missing, 'record')} without field {place + 1} in their header"
        raise UserError(what, f"{where}: {listed(missing)}", "choose another with --label-field, or correct them")
    labels = [row[place] for row in rows]
    if word:
        words = [label.split() for label in labels]
        short = [f"record {n} '{label}'" for n, label in enumerate(labels, 1) if len(label.split()) < word]
        if short:
            what = f"{len(short):,} labels have fewer than {word} words"
            raise UserError(what, f"{where}: {listed(short)}", "choose another with --label-field")
        labels = [w[word - 1] for w in words]
    part = f"the {_nth(word)} word of " if word else ""
    return (
        ids,
        labels,
        f"label: {part}field {place + 1} of the headers ({why}), such as '{labels[0]}'; see --label-field",
    )


def _place(rows: list[list[str]], field: str, where: str) -> tuple[int, int, str]:
    """Field (from 0), word (from 1; 0: all of it), and why."""
    whole, _, word = field.partition(".")
    if whole.isdigit() and int(whole) > 0 and (word.isdigit() or not word):
        return int(whole) - 1, int(word or 0), "as asked"
    if field not in ("", GENUS):
        fix = "give the field's number, such as 2, or 2.1 for its first word, or genus"
        raise UserError(f"--label-field {printable(field)}: FASTA headers have no names of fields", where, fix)
    count, most = len(rows), max(map(len, rows))
    found = []
    for place in range(1, most):
        values = Counter(row[place] for row in rows if len(row) > place and row[place])
        if 2 <= len(values) < 0.8 * count:
            found.append((values.total(), len(values), place))
    if not found:
        what = "no field of the headers tells classes: each is always the same, or nearly always another"
        raise UserError(what, f"{where}: '{'|'.join(rows[0])[:80]}'", "choose one with --label-field 2")
    # What all records have, such as the species, before what some have, such as GenBank's id
    full = [one for one in found if one[0] == max(found)[0]]
    if len(full) > 1 and not field:
        first, second = (f"field {place + 1} ({classes:,} values)" for _, classes, place in full[:2])
        shown = f"{where}: '{'|'.join(rows[0])[:80]}'"
        flags = [f"--label-field {place + 1}" for _, _, place in full[:2]]
        raise ambiguous(
            f"{len(full)} fields of the headers could be the label", shown, (first, flags[0]), (second, flags[1])
        )
    _, classes, place = max(found)
    others = "; others are missing in some records" if len(found) > 1 else ""
    return place, int(field == GENUS), f"the one with {classes:,} different values{others}"


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
