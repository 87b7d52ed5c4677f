"""What runs contained cannot leave: each cheat is a script that tries, in a room of its own and behind Python's hooks alone."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neocog.competition import contained as module
from neocog.competition.contained import Ended, Limits, Output, contained, no_room, raise_if_shown
from neocog.competition.jail import processes
from neocog.errors import UserError

LIMITS = Limits(seconds=20, memory=1 << 30, disk=8 << 20, cores=1)
Run = Callable[..., Ended]


@pytest.fixture(params=["room", "fence"])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run(code)``: a script's end. ``where`` in the code is the folder of the competition, with public/ to read."""
    if request.param == "room" and no_room():
        pytest.skip(f"no namespaces here: {no_room()}")
    monkeypatch.setattr(module, "has_room", lambda: request.param == "room")
    contest, work, scripts = (tmp_path / name for name in ("contest", "work", "scripts"))
    for folder in (contest / "public", contest / "entries" / "other-1", work, scripts):
        folder.mkdir(parents=True)
    (contest / "public" / "data.csv").write_text("public")
    (tmp_path / "contest.sealed").write_text("secret")
    (contest / "entries" / "other-1" / "net.py").write_text("theirs")

    def script(code: str, limits: Limits = LIMITS) -> Ended:
        path = scripts / "script.py"
        path.write_text(f"from pathlib import Path\nwhere = Path({str(contest)!r})\n{code}\n", encoding="utf-8")
        end = time.monotonic() + limits.seconds
        return contained([str(path)], [path, contest / "public"], work, limits, end)

    return script


REASONS = (
    "No such file", "Permission", "Read-only", "not permitted", "unreachable", "cross-device", "not for an entry",
)  # fmt: skip


def refused(ended: Ended) -> bool:
    return ended.code != 0 and "secret" not in ended.output and any(reason in ended.output for reason in REASONS)


def test_the_public_part_can_be_read_and_the_own_folder_written(run: Run) -> None:
    code = "print((where / 'public' / 'data.csv').read_text())\nopen('mine.txt', 'w').write('x')"
    done = run(f"{code}\nprint(Path('mine.txt').stat().st_size)")
    assert (done.code, done.stopped, done.output.split()) == (0, "", ["public", "1"])


@pytest.mark.parametrize(
    "code",
    [
        "print((where.parent / 'contest.sealed').read_text())",
        "import os\nos.symlink(where.parent / 'contest.sealed', 'link')\nprint(open('link').read())",
        "print(list((where / 'entries').iterdir()))\nprint(open(where / 'entries' / 'other-1' / 'net.py').read())",
        "(where / 'entries' / 'other-1' / 'net.py').write_text('mine')",
        "(where / 'public' / 'data.csv').write_text('mine')",
        "import os\nos.remove(where / 'public' / 'data.csv')",
        "import os\nos.rename(where / 'public' / 'data.csv', 'data.csv')",
        "print(open('/etc/passwd').read())\nraise PermissionError('but it could be read') if False else SystemExit(0)",
        "import shutil\nshutil.copyfile(where.parent / 'contest.sealed', 'mine')\nprint(open('mine').read())",
        "import os\nprint(os.listdir(where.parent))\nprint(open(where.parent / 'contest.sealed').read())",
    ],
)
def test_files_of_others_can_be_neither_read_nor_written(code: str, run: Run, tmp_path: Path) -> None:
    assert refused(run(code))
    assert (tmp_path / "contest" / "public" / "data.csv").read_text() == "public"
    assert (tmp_path / "contest" / "entries" / "other-1" / "net.py").read_text() == "theirs"


def test_there_is_no_network_not_even_to_this_machine(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run(
            f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 3)\nprint('connected')"
        )
        assert done.code and "connected" not in done.output
    assert refused(run("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/', timeout=3)")) or done.code


def test_the_clock_that_counts_is_not_its_own(run: Run) -> None:
    code = "import time\ntime.monotonic = time.time = lambda: 0\nwhile True:\n    pass"
    done = run(code, Limits(1.5, 1 << 30, 8 << 20, 1))
    assert done.stopped == "time"
    assert refused(run("import time\ntime.clock_settime(time.CLOCK_REALTIME, time.time())"))


def test_what_it_starts_ends_with_it(run: Run, tmp_path: Path) -> None:
    late = tmp_path / "work" / "late"
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(3)\n        "
        "open('late', 'w').write('more time')\n    os._exit(0)\nprint('done')"
    )
    before = {pid for pid, _ in processes()}
    run(code)
    time.sleep(3.5)
    assert not late.exists()
    named = [pid for pid, _ in processes() if pid not in before and "script.py" in command_of(pid)]
    assert not named


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_memory_is_limited_for_one_process_and_for_all_together(run: Run) -> None:
    small = Limits(20, 200 << 20, 8 << 20, 1)
    assert "MemoryError" in run("x = bytearray(400 << 20)", small).output
    shared = "import mmap\nm = mmap.mmap(-1, 400 << 20)\nfor i in range(0, len(m), 4096):\n    m[i] = 1\nimport time\ntime.sleep(5)"
    assert run(shared, small).stopped == "memory"


def test_files_are_limited_one_by_one_and_together(run: Run) -> None:
    assert run("open('big', 'wb').write(bytes(20 << 20))").code != 0
    many = "import time\nfor i in range(30):\n    open(f'{i}', 'wb').write(bytes(1 << 20))\ntime.sleep(5)"
    assert run(many).stopped == "disk"


def test_a_million_lines_are_cut(run: Run) -> None:
    done = run("print('first')\nfor i in range(10**6):\n    print(i)\nprint('last')")
    assert done.code == 0 and len(done.output) < 40_000
    assert done.output.startswith("first\n0\n") and done.output.endswith("last\n") and "bytes left out" in done.output


def test_no_variable_of_the_organiser_is_passed_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    assert "s3cret" not in run("import os\nprint(dict(os.environ))").output


def test_cores_are_those_of_the_rules(run: Run) -> None:
    assert run("import os\nprint(len(os.sched_getaffinity(0)))").output.strip() == "1"


def test_other_processes_can_be_neither_seen_nor_ended(run: Run) -> None:
    done = run(f"import os\nos.kill({os.getpid()}, 9)")
    assert done.code != 0 and ("No such process" in done.output or "not for an entry" in done.output)


def test_in_a_room_there_are_no_rights_to_make_another() -> None:
    if no_room():
        pytest.skip(no_room())
    code = "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.unshare(0x10000000), libc.mount(None, b'/', None, 1 << 5, None))"
    path = Path(sys.prefix)  # what is readable anyway
    with tempfile.TemporaryDirectory() as folder:
        script, work = Path(folder) / "script.py", Path(folder) / "work"
        work.mkdir()
        script.write_text(code)
        done = contained([str(script)], [script, path], work, LIMITS, time.monotonic() + 20)
    assert done.output.split() == ["-1", "-1"]


def test_a_competition_below_what_entries_read_is_refused() -> None:
    with pytest.raises(UserError, match="every entry can read"):
        raise_if_shown([Path(sys.prefix) / "contest.sealed"], [Path(sys.prefix)])
    raise_if_shown([Path("/somewhere/contest.sealed")], [Path(sys.prefix)])


def test_output_keeps_its_start_and_its_end() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as pipe:
        os.write(write, b"a" * 8000 + b"b" * 20000 + b"c" * 8000)
        os.close(write)
        output = Output()
        output.take(pipe)
    assert output.text() == "a" * 8000 + "\n… 20,000 bytes left out …\n" + "c" * 8000
