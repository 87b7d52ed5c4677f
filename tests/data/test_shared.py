"""Arrays that several processes of a machine hold once: what is put is what is taken, to be read only, in files without names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neocog.data.records import Records
from neocog.data.shared import Shared, can_share, take

TAKES = """
import json, sys
from neocog.data.shared import take
found = take(sys.argv[1])
print(json.dumps([found["name"], *(int(found[kind].sum()) for kind in ("made", "given", "small"))]))
"""


@pytest.fixture
def shared() -> Iterator[Shared]:
    room = Shared()
    yield room
    room.close()


def test_another_process_takes_what_was_put(shared: Shared) -> None:
    made = shared.zeros((3, 500, 500), np.uint8)
    assert made.sum() == 0
    made[1] = 7
    given = np.moveaxis(np.arange(300_000, dtype=np.uint32).reshape(100, 1000, 3), -1, 1)[::2]  # in no order of memory
    value = {"name": "ä", "made": made, "given": given, "small": np.arange(5)}
    where = shared.put(value)
    done = subprocess.run([sys.executable, "-c", TAKES, where], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["ä", 7 * 250_000, int(given.sum()), 10]
    found = take(where)
    assert np.array_equal(found["given"], given) and np.array_equal(found["made"], made)


def test_what_is_taken_is_the_same_memory_and_cannot_be_written_to(shared: Shared) -> None:
    made = shared.zeros((500, 500), np.float32)
    found = take(shared.put([made, made]))
    made[3] = 5
    assert (found[0][3] == 5).all() and (found[1][3] == 5).all()
    with pytest.raises(ValueError, match="read-only"):
        found[0][0] = 1


def test_the_places_outlive_the_room_and_have_no_names(shared: Shared) -> None:
    where = shared.put(np.ones(1 << 17))
    path = json.loads(where)[0]
    assert path.startswith("/proc/") and "deleted" in str(Path(path).readlink())
    found = take(where)
    shared.close()
    assert found.sum() == 1 << 17
    with pytest.raises(OSError):
        take(where)


def test_what_lies_on_disk_stays_there(shared: Shared) -> None:
    """Thumbnails of ten million images would be 6 GB of memory."""
    records = Records.empty(3000, 616)
    records.thumbnails[17] = 9
    found = take(shared.put(records))
    assert np.array_equal(found.thumbnails, records.thumbnails)
    (disk,) = {place[0] for array, place in shared._placed if array.shape == (3000, 616)}
    assert "memfd" not in str(Path(disk).readlink()) and "deleted" in str(Path(disk).readlink())


def test_nothing_of_another_users_is_taken(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    where = shared.put("mine")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="another user's"):
        take(where)


def test_no_files_are_shared_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_share()
    monkeypatch.delattr("os.memfd_create")
    assert not can_share()


def test_arrays_without_elements(shared: Shared) -> None:
    assert shared.zeros((0, 3), np.uint8).shape == (0, 3)
    assert take(shared.put(shared.zeros((0, 3), np.uint8))).shape == (0, 3)
