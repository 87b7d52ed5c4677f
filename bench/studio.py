"""How soon do all maps follow a stroke in the studio, how soon is its page there, and how quick is the page that needs no server?

    python bench/studio.py                        # trains a lenet5 and a cifarcnn on digits first, an epoch each
    python bench/studio.py RUN RUN --strokes 200

In headless Chromium: from the key that draws a stroke to the frame after all maps are painted, forward and with gradients; from the
command to the first painted look; and, in the exported page, how long its engine takes for a picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from selenium import webdriver

import neocog

STROKES = """
const [many, gradients] = arguments, done = arguments[arguments.length - 1];
const sleep = (ms) => new Promise((then) => setTimeout(then, ms));
const shown = () => new Promise((then) => { // the page notes each look that is painted; nothing is polled
  const times = window.studioTimes;
  times.push = (time) => { delete times.push; then(); return times.push(time); };
});
const pad = document.querySelector("#pad"), back = document.querySelector("#backward");
const key = (name) => pad.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
const looked = async (begin) => {
  const painted = shown();
  begin();
  await painted;
};
(async () => {
  if (back.checked !== gradients) await looked(() => back.click());
  await looked(() => document.querySelector("#clear").click());
  await looked(() => key(" "));
  const ways = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"];
  const times = [];
  for (let i = 0; i < many; i++) {
    const begun = performance.now();
    await looked(() => key(ways[Math.floor(i / 5) % 4]));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - begun);
    await sleep(20);
  }
  key(" ");
  return times;
})().then(done, (error) => done(String(error)));
"""  # fmt: skip
ENGINE = """
const [many] = arguments, done = arguments[arguments.length - 1];
(async () => {
  const { run } = await import("neocog/api.js");
  const { Pass } = await import("neocog/engine.js");
  const weights = Object.fromEntries(Object.entries(run.arrays).map(([name, value]) => [name.replace("weights/", ""), value]));
  const [channels, sides] = [run.header.preprocessing.channels, run.header.preprocessing.size];
  const data = Float32Array.from({ length: channels * sides[0] * sides[1] }, (_, i) => Math.sin(i));
  const found = { forward: [], backward: [] };
  for (let i = 0; i < many; i++) {
    const begun = performance.now();
    const pass = new Pass(run.header.graph, weights, { data, shape: [channels, ...sides] }, []);
    const middle = performance.now();
    pass.gradients(Float32Array.from(pass.result.data, (_, k) => Number(k === 0)));
    found.forward.push(middle - begun);
    found.backward.push(performance.now() - middle);
  }
  return found;
})().then(done, (error) => done(String(error)));
"""  # fmt: skip


def browser(profile: str) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    found.set_script_timeout(600)
    found.set_window_size(1280, 1000)
    return found


def told(name: str, times: list[float]) -> None:
    middle, high = np.percentile(times, 50), np.percentile(times, 95)
    print(
        f"  {name}: median {middle:.1f} ms, p95 {high:.1f} ms (n = {len(times)}), load {os.getloadavg()[0]:.0f}",
        flush=True,
    )


def served(page: Any, run: Path, strokes: int) -> None:
    begun = time.monotonic()
    command = [sys.executable, "-m", "neocog", "studio", str(run), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        page.get(process.stdout.readline().strip())
        while not page.execute_script("return window.studioTimes && window.studioTimes.length"):
            time.sleep(0.02)
        print(f"  command to usable page: {time.monotonic() - begun:.1f} s", flush=True)
        for name, gradients in (("stroke to all maps, forward", False), ("… with gradients", True)):
            page.execute_async_script(STROKES, 10, gradients)  # thrown away
            told(name, page.execute_async_script(STROKES, strokes, gradients))
        process.terminate()


def alone(page: Any, run: Path, folder: Path) -> None:
    file = folder / f"{run.name}.html"
    subprocess.run([sys.executable, "-m", "neocog", "studio", str(run), "--export", str(file), "--quiet"], check=True)
    weights = (run / "weights.safetensors").stat().st_size
    print(f"  exported page: {(file.stat().st_size - weights * 4 / 3) / 1e6:.2f} MB beside its weights", flush=True)
    page.get(file.as_uri())
    page.execute_async_script(ENGINE, 10)
    for name, times in page.execute_async_script(ENGINE, 100).items():
        told(f"its engine, {name}", times)


def trained(folder: Path) -> list[Path]:
    """A LeNet-5 at its paper's size, and the large network at CIFAR's."""
    settings: dict[str, Any] = {"epochs": 1, "threads": 1, "quiet": True}
    sizes: dict[str, Any] = {"lenet5": {"size": (28,)}, "cifarcnn": {"size": (32,), "channels": 3}}
    return [
        neocog.train("digits", model=model, out=folder / model, **settings, **more).folder
        for model, more in sizes.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--strokes", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        page = browser(f"{place}/profile")
        try:
            for run in asked.runs or trained(Path(place)):
                print(run.name, flush=True)
                served(page, run, asked.strokes)
                alone(page, run, Path(place))
        finally:
            page.quit()


if __name__ == "__main__":
    main()
