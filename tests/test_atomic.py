"""What is being written does not stand under its name, and what a kill left of it does not stay."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neocog.atomic import temporary_of, write_atomically
from neocog.errors import UserError
from neocog.verbs.folder import is_temporary
from neocog.verbs.outputs import insist_on_new, new_folder


def killed_while(program: str, place: Path) -> None:
    """Run ``program`` until it kills itself."""
    done = subprocess.run([sys.executable, "-c", program], cwd=place, check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_a_kill_left_is_taken_over_by_the_next_writer(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from neocog.atomic import write_atomically\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(Path('new.csv'), 'long ' * 1000)"
    )
    killed_while(program, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".new.csv.neocog"] and is_temporary(
        tmp_path / ".new.csv.neocog"
    )
    write_atomically(tmp_path / "new.csv", "short")
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"] and (tmp_path / "new.csv").read_text() == "short"


def test_a_second_writer_leaves_the_first_ones_file_alone(tmp_path: Path) -> None:
    first = os.open(temporary_of(tmp_path / "a"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(first, fcntl.LOCK_EX)
    os.write(first, b"first")
    write_atomically(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "second" and temporary_of(tmp_path / "a").read_text() == "first"
    os.close(first)


def test_a_link_in_the_temporary_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    temporary_of(tmp_path / "a").symlink_to("mine")
    with pytest.raises(OSError, match="symbolic"):
        write_atomically(tmp_path / "a", "ours")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("length", [1, 247, 248, 255])
def test_any_name_that_the_disk_takes_can_be_written(tmp_path: Path, length: int) -> None:
    write_atomically(tmp_path / ("n" * length), "whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


@pytest.mark.parametrize("name", [".ours.txt", ".vimrc.abcdefgh", "a.neocog", ".result.json.ABCDEFGH", ".a.swp"])
def test_what_is_not_provably_ours_is_no_temporary_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert not is_temporary(tmp_path / name)


def test_a_folder_that_a_kill_left_is_begun_anew(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from neocog.verbs.outputs import new_folder\n"
        "with new_folder(Path('out')) as folder:\n"
        "    (folder / 'half').write_text(''); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed_while(program, tmp_path)
    assert not (tmp_path / "out").exists()
    with new_folder(tmp_path / "out") as folder:
        (folder / "whole").write_text("")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["out", "out/whole"]


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out"), pytest.raises(UserError, match="another process"), new_folder(tmp_path / "out"):
        pass


@pytest.mark.parametrize("name", ["n" * 300, "file/below", "there", "dangling", "circle/x"])
def test_an_output_that_cannot_be_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    for taken in ("file", "there"):
        (tmp_path / taken).write_text("")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(UserError) as error:
        insist_on_new(tmp_path / name)
    assert error.value.fix
