"""The roles that a table's columns can have, the everyday names of such columns, and what the user says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from neocog.errors import UserError, did_you_mean, listed, printable

ROLES = ("image", "sequence", "label", "value", "group", "split", "weight", "ignore")
# Names of columns as ``plain`` gives them, the most certain first
IMAGE = (
    "image", "path", "filename", "file", "filepath", "imagepath", "imgpath", "imagefile", "imagefilename", "imagename", "img",
    "imageid", "imageindex", "fname", "picture", "photo",
)  # fmt: skip
SEQUENCE = ("sequence", "seq")
LABEL = ("label", "class", "target", "labels", "category", "classname", "classlabel", "labelname")
PEOPLE = (
    "group", "groupid", "groups", "patient", "patientid", "patientno", "patientname", "patientnr", "pid", "subject", "subjectid",
    "participant", "participantid", "person", "personid", "individual", "individualid", "donor", "donorid", "animal", "animalid",
    "mouse", "mouseid", "case", "caseid", "writer", "writerid", "speaker",
)  # fmt: skip
THINGS = (
    "specimen", "specimenid", "lesion", "lesionid", "slide", "slideid", "wsi", "video", "videoid", "plate", "plateid", "well",
    "site", "siteid", "scan", "scanid", "session", "sessionid", "study", "studyid", "sampleid", "batch", "plot", "tree", "plant",
)  # fmt: skip
SPLIT = ("split", "set", "subset", "partition", "usage", "phase", "fold")
WEIGHT = ("weight", "sampleweight")


def plain(name: str) -> str:
    """A column's name in lower case, letters and digits only: "Patient ID" is "patientid"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def given_roles(columns: Sequence[str], header: Sequence[str], where: str) -> dict[str, list[int]]:
    """{role: columns} of ``--columns role=NAME``; role=none gives an empty list. Raises UserError."""
    found: dict[str, list[int]] = {}
    for text in columns:
        role, sign, name = text.partition("=")
        if not sign or role not in ROLES:
            hint = did_you_mean(role, ROLES)
            raise UserError(f"--columns {printable(text)}: no role=NAME", where, f"{hint}roles: {', '.join(ROLES)}")
        if name == "none" and name not in header:
            found.setdefault(role, [])
            continue
        exact = [place for place, there in enumerate(header) if there == name]
        places = exact or [place for place, there in enumerate(header) if there.lower() == name.lower()]
        if len(places) != 1:
            what = f"--columns {printable(text)}: no column, or more than one, called {printable(name)}"
            raise UserError(what, where, f"{did_you_mean(name, header)}the columns are: {listed(header, 30)}")
        found.setdefault(role, []).append(places[0])
    single = [role for role, places in found.items() if len(places) > 1 and role not in ("label", "value", "ignore")]
    if single:
        raise UserError(f"--columns: several columns for the role {listed(single)}", where, "give one of each")
    return found


def describes(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> bool:
    """Whether a header has a column of each of these names."""
    names = {plain(name) for name in header}
    return all(names & set(known) for known in columns.values())
