"""Data sets known by name: where they are looked for, and how they are fetched from a (local) server."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neocog.data.dataset import Array, ArrayImages
from neocog.data.readers import named
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.download import download, extract
from neocog.data.readers.named import CIFAR10, PUBLISHED, cache_folder, open_named
from neocog.errors import UserError

IMAGES = np.arange(10 * 28 * 28).reshape(10, 28, 28).astype(np.uint8)
LABELS = np.arange(10).astype(np.uint8)


def idx_bytes(array: Array) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def cifar_records(seed: int) -> bytes:
    """Four records of one label byte and 3072 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 3072), np.uint8)
    return np.hstack([np.arange(4, dtype=np.uint8)[:, None], pixels]).tobytes()


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and no data folder; no test may reach the web."""
    monkeypatch.setenv("NEOCOG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NEOCOG_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path; a ``str`` is an address to go to; ``cut`` drops the second half of every answer."""

    files: dict[str, bytes | str]
    cut = False
    asked: list[str]
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        content = self.server.files.get(name)
        if isinstance(content, str):
            self.send_response(302)
            self.send_header("Location", content)
            self.end_headers()
        elif content is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.server.cut else content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def publish(server: Server, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, bytes], **more: Any) -> None:
    """Put files on the server as what is published under a name."""
    server.files.update(files)
    downloads = tuple((file, md5(content), len(content)) for file, content in files.items())
    monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], downloads=downloads, **more))


def small_mnist() -> dict[str, bytes]:
    arrays = {"images-idx3": IMAGES, "labels-idx1": LABELS}
    return {
        f"{part}-{kind}-ubyte.gz": gzip.compress(idx_bytes(array))
        for part in ("train", "t10k")
        for kind, array in arrays.items()
    }


def small_cifar(extra: Callable[[tarfile.TarFile], None] | None = None) -> tuple[bytes, tuple[tuple[str, int], ...]]:
    """A .tar.gz like the published one, of four images a batch."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        if extra:
            extra(tar)
        for seed, (name, _) in enumerate(CIFAR10):
            add(tar, f"cifar-10-batches-bin/{name}", cifar_records(seed))
        add(tar, "cifar-10-batches-bin/batches.meta.txt", "\n".join("abcdefghij").encode())
    return packed.getvalue(), (*((name, 4 * 3073) for name, _ in CIFAR10), ("batches.meta.txt", 10_000))


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    tar.addfile(info, io.BytesIO(content))


def test_digits_need_no_download_and_lose_nothing() -> None:
    from sklearn.datasets import load_digits

    data, published = open_dataset("digits"), load_digits()
    assert len(data) == 1797 and data.classes == tuple("0123456789") and not data.mirror
    assert isinstance(data.images, ArrayImages) and data.images.array.shape == (1797, 8, 8, 1)
    assert data.images.read(0).dtype == np.uint8
    np.testing.assert_array_equal(data.images.array[..., 0] / 15, published.images)
    np.testing.assert_array_equal(data.labels, published.target)
    assert any("× 15" in note for note in data.notes) and data.splits is None


@pytest.mark.data
def test_a_name_is_found_in_the_data_folder(real_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEOCOG_DATA", str(real_data("mnist").parent))
    data = open_dataset("mnist")
    assert len(data) == 70_000 and not data.mirror
    assert data.notes == (f"'mnist' taken as the name of a data set, found in {real_data('mnist')}",)


@pytest.mark.data
def test_the_published_hashes_are_those_of_the_real_files(real_data: Callable[[str], Path]) -> None:
    for name, digest, size in PUBLISHED["mnist"].downloads:
        content = (real_data("mnist") / name).read_bytes()
        assert (md5(content), len(content)) == (digest, size)


@pytest.mark.parametrize("folder", ["cifar-10/cifar-10-batches-bin", "cifar10", "cifar-10-batches-bin"])
def test_cifar10_is_found_in_its_usual_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    (tmp_path / "data" / folder).mkdir(parents=True)
    for seed, (name, _) in enumerate(CIFAR10):
        (tmp_path / "data" / folder / name).write_bytes(cifar_records(seed))
    monkeypatch.setenv("NEOCOG_DATA", str(tmp_path / "data"))
    assert len(open_dataset("cifar10")) == 24


def test_a_download_is_checked_kept_and_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    publish(server, monkeypatch, "mnist", small_mnist())
    data = open_named("mnist", url=address(server))
    assert len(data) == 20 and data.root == empty_cache / "mnist" and len(server.asked) == 4
    assert len(open_dataset("mnist")) == 20 and len(server.asked) == 4
    assert sorted(path.name for path in (empty_cache / "mnist").iterdir()) == sorted(small_mnist())


def test_an_interrupted_set_goes_on_with_the_missing_files(
    server: Server, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    publish(server, monkeypatch, "mnist", small_mnist())
    kept = server.files.pop("t10k-labels-idx1-ubyte.gz")
    with pytest.raises(UserError, match="no download: 404 Not Found"):
        open_named("mnist", url=address(server))
    server.files["t10k-labels-idx1-ubyte.gz"] = kept
    open_named("mnist", url=address(server))
    assert len(server.asked) == 5


def test_fashion_mnist_has_names_and_may_be_mirrored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(server, monkeypatch, "fashion-mnist", small_mnist())
    data = open_named("fashion-mnist", url=address(server))
    assert data.classes[0] == "T-shirt/top" and data.mirror


def test_cifar10_is_streamed_out_of_its_archive(
    server: Server, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    def traps(tar: tarfile.TarFile) -> None:
        add(tar, "../evil.bin", b"evil")
        add(tar, "/tmp/evil.bin", b"evil")
        add(tar, "cifar-10-batches-bin/link.bin", kind=tarfile.SYMTYPE, link="/etc/passwd")
        add(tar, "cifar-10-batches-bin/device", kind=tarfile.CHRTYPE)

    packed, members = small_cifar(traps)
    publish(server, monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": packed}, members=members)
    data = open_named("cifar10", url=address(server))
    assert len(data) == 24 and data.classes == tuple("abcdefghij")
    folder = empty_cache / "cifar-10" / "cifar-10-batches-bin"
    assert sorted(path.name for path in folder.iterdir()) == sorted(name for name, _ in members)
    assert not list(empty_cache.rglob("evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        add(tar, "x/data_batch_1.bin", kind=kind, link="/etc/passwd")
    with pytest.raises(UserError, match=r"data_batch_1.bin in the archive: not a regular file"):
        extract(tmp_path / "a.tar.gz", {"data_batch_1.bin": 100}, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_a_member_that_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        add(tar, "x/a.bin", b"12345")
    with pytest.raises(UserError, match="5 bytes, at most 4 expected"):
        extract(tmp_path / "a.tar.gz", {"a.bin": 4}, tmp_path / "out")
    with pytest.raises(UserError, match=r"not in the archive: b\.bin"):
        extract(tmp_path / "a.tar.gz", {"a.bin": 5, "b.bin": 5}, tmp_path / "out")
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:40])
    with pytest.raises(UserError, match="damaged or unreadable archive"):
        extract(tmp_path / "a.tar.gz", {"a.bin": 5}, tmp_path / "out")


def test_an_archive_of_many_members_is_given_up(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for i in range(1001):
            add(tar, str(i))
        add(tar, "a.bin", b"1")
    with pytest.raises(UserError, match="not in the archive"):
        extract(tmp_path / "a.tar.gz", {"a.bin": 1}, tmp_path / "out")


def fetch(server: Server, tmp_path: Path, content: bytes, url: str = "") -> str:
    """The error of a download that must leave nothing behind."""
    target = tmp_path / "into" / "file.bin"
    with pytest.raises(UserError) as error:
        download(url or f"{address(server)}file.bin", target, md5(content), len(content))
    assert not target.parent.exists() or not list(target.parent.iterdir())
    return str(error.value)


def test_another_content_is_refused_with_both_hashes(server: Server, tmp_path: Path) -> None:
    server.files["file.bin"] = b"changed"
    text = fetch(server, tmp_path, b"genuine")
    assert md5(b"changed") in text and md5(b"genuine") in text


def test_more_or_fewer_bytes_than_published_are_refused(server: Server, tmp_path: Path) -> None:
    server.files["file.bin"] = b"genuine and more"
    assert "more than the published 7 bytes" in fetch(server, tmp_path, b"genuine")
    server.files["file.bin"] = b"gen"
    assert "7 bytes expected, 3 came" in fetch(server, tmp_path, b"genuine")


def test_a_lost_connection_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.files["file.bin"], server.cut = b"x" * 1000, True
    assert "1,000 bytes expected, 500 came" in fetch(server, tmp_path, b"x" * 1000)


def test_only_https_is_used(server: Server, tmp_path: Path) -> None:
    assert "only https" in fetch(server, tmp_path, b"", "http://example.org/file.bin")
    assert "only https" in fetch(server, tmp_path, b"", "file:///etc/passwd")
    assert "only https" in fetch(server, tmp_path, b"", "ftp://127.0.0.1/file.bin")
    for elsewhere in ("ftp://example.org/file.bin", "http://example.org/file.bin"):
        server.files["file.bin"] = elsewhere
        assert f"only https is used for downloads\n  where: {elsewhere}" in fetch(server, tmp_path, b"")
    assert all(published.url.startswith("https://") for published in PUBLISHED.values())


def test_without_a_network_the_folder_is_named(empty_cache: Path) -> None:
    with pytest.raises(UserError) as error:
        open_named("cifar10", url="http://127.0.0.1:9/")
    assert "data set 'cifar10': no download: [Errno 111] Connection refused" in error.value.what
    assert "put data_batch_1.bin, " in error.value.fix and "batches.meta.txt into" in error.value.fix
    assert str(empty_cache / "cifar-10" / "cifar-10-batches-bin") in error.value.fix


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_told(empty_cache: Path) -> None:
    empty_cache.mkdir(mode=0o500)
    with pytest.raises(UserError, match="cannot be written: Permission denied"):
        open_named("mnist")


def test_a_cache_below_a_file_is_told(empty_cache: Path) -> None:
    empty_cache.write_text("a file")
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        open_named("mnist", url="http://127.0.0.1:9/")


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEOCOG_CACHE", "~/own")
    assert cache_folder() == Path.home() / "own"
    monkeypatch.delenv("NEOCOG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/neocog")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "neocog"


def test_an_unknown_name_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="did you mean 'mnist'"):
        named.open_named("mnits")
