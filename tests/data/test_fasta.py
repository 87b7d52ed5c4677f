"""FASTA as it comes: what is certain is read, what is not DNA is refused with record and position, all faults at once."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from neocog.data.nucleotides import complement, shares, text
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers import fasta
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

GOOD = ">a1 | Culex | COI-5P\nACGT\nAC\n>a2 | Aedes | COI-5P\nTTGA\n>a3 | Culex | COI-5P\nACGG\n>a4 | Aedes | COI-5P\nTTGG\n"


def put(folder: Path, content: str | bytes, name: str = "x.fasta") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def letters(path: Path, **reading: object) -> list[str]:
    data = open_dataset(path, reading=Reading(**reading))  # type: ignore[arg-type]
    return [text(data.images.read(i).ravel()) for i in range(len(data))]


def test_headers_tell_the_label_by_themselves(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, GOOD))
    assert (data.kind, data.form, data.classes) == ("FASTA", "sequences", ("Aedes", "Culex"))
    assert list(data.names) == ["a1", "a2", "a3", "a4"] and data.labels.tolist() == [1, 0, 1, 0]
    assert any(note.startswith("label: field 2 of the headers") for note in data.notes)
    assert letters(put(tmp_path, GOOD)) == ["ACGTAC", "TTGA", "ACGG", "TTGG"]


@pytest.mark.parametrize(
    ("field", "classes"),
    [("2", ("Aedes aegypti", "Aedes vexans", "Culex pipiens")), ("genus", ("Aedes", "Culex")), ("2.1", ("Aedes", "Culex")),
     ("3", ("COI", "ITS"))],
)  # fmt: skip
def test_a_field_or_its_first_word_can_be_chosen(tmp_path: Path, field: str, classes: tuple[str, ...]) -> None:
    rows = [("Aedes aegypti", "COI"), ("Aedes vexans", "ITS"), ("Culex pipiens", "COI")] * 2
    body = "".join(
        f">id{i}|{name}|{marker}|KJ{i}\nACG{'ACGT'[i % 4]}{'A' * i}\n" for i, (name, marker) in enumerate(rows)
    )
    assert open_dataset(put(tmp_path, body), reading=Reading(label_field=field)).classes == classes


def test_headers_without_classes_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no field of the headers tells classes"):
        open_dataset(put(tmp_path, ">a|COI\nACGT\n>b|COI\nACGG\n"))
    with pytest.raises(UserError, match=r"1 record without field 2(.|\n)*record 2 'b'"):
        open_dataset(put(tmp_path, ">a|x\nAC\n>b\nAG\n>c|x\nAT\n>d|y\nAA\n>e|y\nCC\n"))


def test_a_field_that_some_records_lack_is_not_taken_for_the_label(tmp_path: Path) -> None:
    """As in BOLD's files: accession numbers are nearly all different, and many records have none."""
    body = "".join(
        f">ID{i}|{('Culex pipiens', 'Aedes vexans')[i % 2]}|COI-5P{f'|KJ{i}' if i % 3 else ''}\nACGT{'A' * i}\n"
        for i in range(20)
    )
    assert open_dataset(put(tmp_path, body)).classes == ("Aedes vexans", "Culex pipiens")


def test_soft_masked_letters_are_letters(tmp_path: Path) -> None:
    assert letters(put(tmp_path, GOOD.replace("ACGT", "acgt")))[0] == "ACGTAC"


def test_ambiguous_letters_are_shares_of_their_bases() -> None:
    table = dict(zip(" ACMGRSVTWYHKDBN", shares(), strict=True))
    assert table["N"].tolist() == [0.25] * 4 and table["R"].tolist() == [0.5, 0, 0.5, 0] and not table[" "].any()
    assert table["B"].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    partner = dict(zip(" ACMGRSVTWYHKDBN", " TGKCYSBAWRDMHVN", strict=True))
    assert [text(np.array([c], np.uint8)) for c in complement()[1:]] == [partner[x] for x in " ACMGRSVTWYHKDBN"[1:]]


def test_gaps_are_refused_unless_they_may_be_stripped(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD.replace("TTGA", "T-G.A"))
    with pytest.raises(UserError, match=r"2 gaps \(- or \.\) in 1 record(.|\n)*record 2 'a2'(.|\n)*--gaps strip"):
        open_dataset(path)
    assert letters(path, gaps="strip")[1] == "TGA"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_of_all_systems_and_a_byte_order_mark_change_nothing(tmp_path: Path, end: str, mark: bytes) -> None:
    assert letters(put(tmp_path, mark + GOOD.replace("\n", end).encode())) == ["ACGTAC", "TTGA", "ACGG", "TTGG"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no records: the file is empty"),
        ("\n\n", "no records: the file is empty"),
        (">a|x\nACGT\n>b|y\n\n>c|x\nAC\n>d|y\nAA\n", r"1 record without a letter(.|\n)*record 2 'b'"),
        ("@read1\nACGT\n+\nIIII\n", "this is FASTQ"),
        ("; comment\n>a|x\nACGT\n", "a ';' comment before the first record"),
        ("hello\n>a|x\nACGT\n", "text before the first record: 'hello"),
        ("LOCUS       X\n", "this is another format"),
        (">a|x\nMKVLILEFPQ\n>b|y\nMEEPLIQF\n", "this looks like protein"),
    ],
)
def test_what_is_no_fasta_of_dna_is_named(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        open_dataset(put(tmp_path, content), reading=Reading(label_field="2"))


def test_strange_characters_are_told_with_record_and_position_all_at_once(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD.replace("TTGA", "TT!A").replace("ACGG", "A-@G\0"))
    with pytest.raises(UserError) as raised:
        open_dataset(path)
    told = str(raised.value)
    assert "record 2 'a2' position 3: '!'" in told and "record 3 'a3' position 3: '@'" in told and "1 gap " in told


def test_blanks_are_left_out_with_a_note_and_digits_are_faults(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD.replace("ACGT\nAC", "  ACG TAC "))
    assert letters(path)[0] == "ACGTAC"
    assert any("4 gaps and blanks left out" in note for note in open_dataset(path).notes)
    with pytest.raises(UserError, match=r"record 2 'a2' position 3: '1'"):
        open_dataset(put(tmp_path, GOOD.replace("TTGA", "TT1GA")))


def test_faults_of_all_kinds_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("TTGA", "TT!A").replace("ACGG", "A-G") + ">a5 | Culex | COI-5P\n\n>a1 | Aedes | COI-5P\nACGTAC\n"
    )
    with pytest.raises(UserError) as raised:
        open_dataset(put(tmp_path, text))
    told = str(raised.value)
    for what in ("position 3: '!'", "1 gap ", "1 record without a letter", "1 ids stand for different"):
        assert what in told


def test_rna_is_read_as_dna_with_a_note(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD.replace("T", "U").replace("CUlex", "Culex"))
    assert letters(path)[1] == "TTGA"
    assert any("letters U taken for T" in note for note in open_dataset(path).notes)


def test_an_id_that_stands_for_two_things_is_a_fault_and_a_repeated_record_a_note(tmp_path: Path) -> None:
    again = GOOD + ">a2 | Aedes | COI-5P\nTTGA\n"
    assert len(open_dataset(put(tmp_path, again))) == 4
    assert any("1 repeated records dropped" in note for note in open_dataset(put(tmp_path, again)).notes)
    for other in (">a2 | Aedes | COI-5P\nTTGC\n", ">a2 | Culex | COI-5P\nTTGA\n"):
        with pytest.raises(
            UserError, match=r"1 ids stand for different sequences or labels(.|\n)*'a2' \(records 2 and 5\)"
        ):
            open_dataset(put(tmp_path, GOOD + other))


def test_unequal_lengths_are_padded_and_few_far_longer_ones_cropped_with_notes(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [f">s{i}|{'xy'[i % 2]}\n{''.join(generator.choice(list('ACGT'), 90 + i % 11))}\n" for i in range(99)]
    rows.append(f">long|x\n{'ACGT' * 100}\n")
    data = open_dataset(put(tmp_path, "".join(rows)))
    assert data.images.read(99).shape == (1, 100, 1)
    assert any("1 sequences are cropped to 100 letters; the longest has 400" in note for note in data.notes)
    assert any("are padded to 100 letters" in note for note in data.notes)


def test_gzip_is_unpacked_a_bomb_and_a_broken_one_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(GOOD.encode())
    assert letters(put(tmp_path, packed, "x.fa.gz")) == ["ACGTAC", "TTGA", "ACGG", "TTGG"]
    with pytest.raises(UserError, match="damaged gzip"):
        open_dataset(put(tmp_path, packed[:-12], "y.fa.gz"))
    monkeypatch.setattr(fasta, "MOST_BYTES", 100)
    monkeypatch.setattr(fasta, "BLOCK", 50)
    with pytest.raises(UserError, match="unpacks to more than"):
        open_dataset(put(tmp_path, gzip.compress(b">a|x\n" + b"A" * 10_000), "z.fa.gz"))


def test_rare_classes_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, GOOD + ">b1|Anopheles|COI-5P\nGGGG\n"), reading=Reading(min_samples=2))
    assert data.classes == ("Aedes", "Culex")
    assert any("1 class with fewer than 2 samples left out: 4 of 5" in note for note in data.notes)
    with pytest.raises(UserError, match="no class has 9 samples; the largest has 2"):
        open_dataset(put(tmp_path, GOOD), reading=Reading(min_samples=9))


def test_identical_sequences_are_counted_and_have_one_digest_whatever_the_padding(tmp_path: Path) -> None:
    data = open_dataset(put(tmp_path, GOOD + ">a5 | Culex | COI-5P\nACGG\n"))
    assert data.images.digest(2) == data.images.digest(4) != data.images.digest(0)
    assert any("2 of 5" not in note and "1 of 5 sequences are identical" in note for note in data.notes)
    longer = open_dataset(put(tmp_path, GOOD + ">a6 | Culex | COI-5P\nACGGACGGACGG\n"))
    assert longer.images.digest(2) == data.images.digest(2)


def test_a_csv_column_of_sequences_is_read_alike(tmp_path: Path) -> None:
    path = put(tmp_path, "id,sequence,label\n1,ACGT,x\n2,ttgn,y\n3,AAAA,x\n4,CCCC,y\n", "s.csv")
    data = open_dataset(path)
    assert data.kind == "CSV of sequences" and data.classes == ("x", "y") and letters(path)[1] == "TTGN"


def test_a_table_of_sequences_has_groups_splits_and_missing_labels_like_any_table(tmp_path: Path) -> None:
    rows = [
        f"{i},{'ACGT' * (i + 1)},{['x', 'y', 'nan'][i % 3]},p{i // 3},{['train', 'test'][i % 2]}" for i in range(12)
    ]
    path = put(tmp_path, "\n".join(["id,sequence,genus,patient,split", *rows]) + "\n", "s.csv")
    with pytest.raises(UserError, match="4 × label that may stand for none"):
        open_dataset(path)
    data = open_dataset(path, reading=Reading(unlabelled="skip"))
    assert data.classes == ("x", "y") and len(data) == 8 and len(data.left_out) == 4
    assert data.groups is not None and data.groups.tolist() == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    assert data.splits is not None and data.splits.tolist()[:3] == ["train", "test", "test"]
    assert {one.part: one.role for one in data.taken}["column 'id'"] == "not used"


def test_codes_become_shares_on_their_way_to_the_network() -> None:
    import torch

    from neocog.data.normalise import normalise

    preprocessing = Preprocessing(1, (1, 4), "uint8", (0.0,), (1.0,), encoding="nucleotides")
    inputs = normalise(torch.tensor([[[[1, 15, 10, 0]]]], dtype=torch.uint8), preprocessing)
    assert inputs.shape == (1, 4, 1, 4) and preprocessing.inputs == 4
    assert inputs[0, :, 0].T.tolist() == [[1, 0, 0, 0], [0.25] * 4, [0, 0.5, 0, 0.5], [0] * 4]


def test_two_fields_that_could_be_the_label_stop(tmp_path: Path) -> None:
    """Genus and species, say: the one with more values was taken with a note."""
    records = [f">s{i}|{('Rosa', 'Malus')[i % 2]}|sp{i % 4}\n{'ACGT' * 5}{'ACGT'[i % 4] * (i + 1)}" for i in range(24)]
    file = tmp_path / "a.fasta"
    file.write_text("\n".join(records) + "\n", encoding="utf-8")
    with pytest.raises(UserError) as told:
        open_dataset(file)
    assert "--label-field 2" in str(told.value) and "--label-field 3" in str(told.value)
    assert open_dataset(file, reading=Reading(label_field="2")).classes == ("Malus", "Rosa")
