"""The studio's addresses: the page's own files, the runs by the ids that were handed out, and what is asked of them."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from neocog.data.dataset import Array
from neocog.errors import UserError
from neocog.run import Run, to_json
from neocog.server.asked import Asked, asked_of
from neocog.server.frame import pack, unpack
from neocog.server.guard import TooLarge
from neocog.server.opened import Opened
from neocog.server.training_room import TrainingRoom
from neocog.server.trainings import Trainings

if TYPE_CHECKING:
    from neocog.predictor import Predictor

PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml",
}  # fmt: skip
MOST_OPEN = 4  # networks in memory
Answered = Callable[["Predictor", Array, Asked], bytes]


@cache
def files() -> dict[str, tuple[bytes, str]]:
    """The page's own files: address → content and type. Read once; no path that comes from a browser is ever opened."""
    found = {}
    for path in sorted(PAGE.iterdir()):
        if path.suffix in KINDS:
            address = "/" if path.name == "index.html" else f"/{path.name}"
            found[address] = (path.read_bytes(), f"{KINDS[path.suffix]}; charset=utf-8")
    return found


class Studio:
    """What is open. ``runs``: those that were found, whose places in this list are their ids."""

    def __init__(
        self, runs: list[Run], about: dict[str, Any] | None = None, trainings: Trainings | None = None
    ) -> None:
        self.runs, self.about = runs, about or {}
        self.room = None if trainings is None else TrainingRoom(trainings, runs)
        self.opened: dict[int, Opened] = {}
        self._opening = threading.Lock()

    def application(self) -> Starlette:
        """Without its guard."""
        routes = [
            Route("/api/runs", answering(self.listed)),
            Route("/api/runs/{id:int}", answering(self.described)),
            Route("/api/runs/{id:int}/tests", answering(self.tests)),
            *(
                Route(f"/api/runs/{{id:int}}/{name}", answering(self.asking(name)), methods=["POST"])
                for name in ("look", "number", "share", "kernels", "step", "stressed")
            ),
            Route("/api/runs/{id:int}/decoded", answering(self.decoded), methods=["POST"]),
            Route("/api/runs/{id:int}/samples", answering(self.samples)),
            Route("/api/runs/{id:int}/sheet", answering(self.sheet), methods=["POST"]),
            Route("/api/runs/{id:int}/corrections", answering(self.corrections), methods=["POST"]),
            *([] if self.room is None else trained(self.room)),
            Route("/{file:path}", page),
        ]
        return Starlette(routes=routes)

    def run(self, request: Request) -> Opened:
        """The run of an id that was handed out; of those that are open the one that waited longest is closed."""
        return self.at(int(request.path_params["id"]))

    def at(self, position: int) -> Opened:
        if position >= len(self.runs):
            raise UserError("this studio has no such run", fix="load the page again")
        with self._opening:
            found = self.opened.pop(position, None) or Opened(self.runs[position])
            self.opened[position] = found  # the newest stands last
            while len(self.opened) > MOST_OPEN:
                self.opened.pop(next(iter(self.opened))).close()
        return found

    async def listed(self, request: Request) -> Response:
        names = [{"id": position, "name": run.folder.resolve().name} for position, run in enumerate(self.runs)]
        return json({"runs": names, "trains": self.room is not None, **self.about})

    async def described(self, request: Request) -> Response:
        from neocog.server.described import described

        run = self.run(request)
        return json(await run.with_network(lambda own: described(run.run, own) | {"times": run.times.described()}))

    async def tests(self, request: Request) -> Response:
        run = self.run(request)
        return json({"samples": await run.with_network(lambda _: [] if run.form == "codes" else run.tests)})

    async def samples(self, request: Request) -> Response:
        from neocog.server.samples import listed

        run = self.run(request)
        return json({"samples": await run.with_network(lambda predictor: listed(run, predictor.task))})

    async def sheet(self, request: Request) -> Response:
        from neocog.server.samples import sheet

        run, (header, _) = self.run(request), unpack(await request.body())
        return binary(await run.with_network(lambda predictor: sheet(run, predictor, header)))

    async def decoded(self, request: Request) -> Response:
        from neocog.server.panels import decoded

        run, (header, arrays) = self.run(request), unpack(await request.body())
        asked, codes = asked_of(header), arrays.get("codes", np.empty(0))
        return binary(await run.with_network(lambda predictor: decoded(predictor, codes, asked), asked.weights))

    async def corrections(self, request: Request) -> Response:
        from neocog.server.samples import corrections

        run, (header, _) = self.run(request), unpack(await request.body())
        return binary(await run.with_network(lambda _: corrections(run, header)))

    def asking(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """The handler of one kind of question about one picture."""

        async def asked(request: Request) -> Response:
            run, body = self.run(request), await request.body()
            header, arrays = unpack(body)
            question = asked_of(header)

            given = arrays.get("picture")
            other = self.at(question.of) if question.of >= 0 else run
            shown = await other.with_network(lambda _: other.picture(question, given)) if other is not run else None

            def work(predictor: Predictor) -> bytes:
                if other.form != run.form:
                    what = f"this run takes {run.form}, and the picture is of a run for {other.form}"
                    raise UserError(what, str(run.run.folder), "compare it with a run of the same kind")
                answered: Answered = run.times.by_hand.step if name == "step" else answers()[name]
                return answered(predictor, run.picture(question, given) if shown is None else shown, question)

            return binary(await run.with_network(work, question.weights))

        return asked


def trained(room: TrainingRoom) -> list[Route]:
    """The addresses of the room in which one trains."""

    async def listed(request: Request) -> Response:
        return json(await run_in_threadpool(room.status))

    async def start(request: Request) -> Response:
        header, _ = unpack(await request.body())
        return binary(pack({"id": await run_in_threadpool(room.trainings.start, header)}, {}))

    def acting(act: Callable[[int], bytes]) -> Callable[[Request], Awaitable[Response]]:
        async def acted(request: Request) -> Response:
            return binary(await run_in_threadpool(act, int(request.path_params["id"])))

        return answering(acted)

    acts = {"stop": room.stop, "resume": room.resume, "shown": room.shown}
    return [
        Route("/api/trainings", answering(listed)),
        Route("/api/trainings/start", answering(start), methods=["POST"]),
        *(Route(f"/api/trainings/{{id:int}}/{name}", acting(act), methods=["POST"]) for name, act in acts.items()),
    ]


@cache
def answers() -> dict[str, Answered]:
    """Which function answers which question; torch is loaded with them."""
    from neocog.server import look, number, stressed

    return {
        "look": look.look,
        "number": number.number,
        "share": number.share,
        "kernels": number.kernels,
        "stressed": stressed.stressed,
    }


async def page(request: Request) -> Response:
    """One of the page's own files."""
    found = files().get(request.url.path)
    if found is None:
        return json({"error": UserError("there is no such page").facts[0]}, 404)
    return Response(found[0], media_type=found[1])


def answering(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """``handler`` whose errors are told as what, where and fix; of a defect of ours the trace goes to stderr alone."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except UserError as error:
            return json({"error": error.facts[0], "errors": error.facts}, 400)
        except TooLarge as error:
            return json({"error": UserError(str(error)).facts[0]}, 413)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            what = f"{type(error).__name__}: a defect of neocog"
            return json({"error": UserError(what, fix="report what stands in the terminal").facts[0]}, 500)

    return answered


def binary(message: bytes) -> Response:
    return Response(message, media_type="application/octet-stream")


def json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")
