"""compete …: a competition in the classroom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from neocog.cli.app import Json, Quiet, Reading, app, console, given, show

compete = App(
    name="compete",
    help="Run a competition: your own networks, held-out samples, one time limit.\n\nFor example:\n\n"
    "    neocog compete new digits --hold-out random:0.2 --seconds 120 --out contest/\n"
    "    neocog compete enter contest/ my_net.py --name ada\n"
    "    neocog compete judge contest/",
)
app.command(compete)


@compete.command
def new(
    data: str,
    /,
    *,
    out: Annotated[Path, Parameter(help="A new folder to hand out; the sealed part is written beside it.")],
    hold_out: Annotated[
        str, Parameter(help="What to hold out: last:0.2, random:0.2, group:NAME, or a file that names samples.")
    ] = "last:0.2",
    seconds: Annotated[
        float, Parameter(help="Time limit of an entry, from its first import to its last prediction.")
    ] = 600.0,
    cores: Annotated[int, Parameter(help="Processor cores per entry; 0: all of this machine.")] = 0,
    memory: Annotated[float, Parameter(help="Memory per entry, in GB.")] = 4.0,
    disk: Annotated[float, Parameter(help="Disk space per entry, in GB.")] = 4.0,
    attempts: Annotated[int, Parameter(help="Attempts per name; with several there is also a public leaderboard.")] = 1,
    seed: Annotated[int, Parameter(help="Seed of everything random.")] = 0,
    reading: Reading = None,
    quiet: Quiet = False,
) -> None:
    """Set up a competition: a folder with rules.toml and the public samples, and beside it the sealed, held-out part.

    The rules contain the SHA-256 of the sealed part, so that nobody can change it afterwards. Keep that file to yourself.

    For example:

        neocog compete new cifar10 --hold-out last:0.2 --seconds 600 --out contest/
        neocog compete new photos/ --hold-out group:site3 --attempts 5 --out contest/
    """
    from neocog.verbs.compete_new import new as write
    from neocog.verbs.compete_new import sealed_beside

    write(data, out, hold_out, seconds, cores, memory, disk, attempts, seed, quiet, **given(reading))
    print(f"{out}\n{sealed_beside(out)}")


@compete.command
def enter(
    contest: Path,
    file: str,
    /,
    *,
    name: Annotated[str, Parameter(help="Whose entry it is.")],
    settings: Annotated[
        Path | None, Parameter(help="Training settings of the entry: TOML, as for train --config.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Enter your own network: a Python file with one torch.nn.Module (FILE.py:Class if there are several).

    The file is checked before any of it runs, then tried in a process without network access. If it is refused, one message
    gives every reason and line.

    For example:

        neocog compete enter contest/ my_net.py --name ada
        neocog compete enter contest/ my_net.py:Small --name ada --settings my_net.toml
    """
    from neocog.verbs.compete import enter as take

    print(take(contest, file, name, settings, quiet).key)


@compete.command
def judge(
    contest: Path,
    /,
    *,
    sealed: Annotated[
        Path | None, Parameter(help="The sealed part; default: CONTEST.sealed beside the folder.")
    ] = None,
    final: Annotated[
        bool, Parameter(negative=(), help="With several attempts: give the final score and close the competition.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train each entry under the same limit, score the held-out samples, and write leaderboard.html and leaderboard.csv.

    Entries that were judged before keep their result, so that an interrupted call can be repeated.

    For example:

        neocog compete judge contest/
        neocog compete judge contest/ --final
    """
    from neocog.verbs import compete as verb

    found = verb.score(contest, sealed, final, quiet)
    show(found.to_json(), json, lambda: verb.show(found, console()))
