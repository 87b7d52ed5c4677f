"""Downloads: once, whole or absent, with the digest that was published, and one error without a network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from neocog.errors import UserError
from neocog.pretrained.download import fetched
from neocog.progress import Progress

QUIET = Progress(quiet=True)
CONTENT = bytes(range(256)) * 600
HUB = "/owner/net/resolve/main/model.safetensors"


def test_a_file_is_fetched_once_through_redirects_and_then_found(server: Any, cache: Path) -> None:
    server.files[HUB] = CONTENT
    path = fetched(server.address + HUB, "net.safetensors", QUIET)
    assert path == cache / "net.safetensors" and path.read_bytes() == CONTENT
    assert server.asked == [HUB, f"/blobs{HUB}"]
    assert fetched(server.address + HUB, "net.safetensors", QUIET) == path
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("cut", "digest", "says"), [(1000, "", "cut short|IncompleteRead"), (0, "0" * 64, "another SHA-256")]
)
def test_nothing_is_kept_of_a_file_that_is_cut_short_or_has_another_digest(
    cut: int, digest: str, says: str, server: Any, cache: Path
) -> None:
    server.files[HUB], server.cut, server.digest = CONTENT, cut, digest
    with pytest.raises(UserError, match=says):
        fetched(server.address + HUB, "net.safetensors", QUIET)
    assert not list(cache.iterdir())


def test_the_digest_in_a_name_is_checked(server: Any, cache: Path) -> None:
    good = f"/net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
    server.files |= {good: CONTENT, "/net-00000000.pth": CONTENT}
    assert fetched(server.address + good, good[1:], QUIET).is_file()
    with pytest.raises(UserError, match="another SHA-256"):
        fetched(f"{server.address}/net-00000000.pth", "net-00000000.pth", QUIET)


def test_a_cached_file_that_has_changed_is_refused(server: Any, cache: Path) -> None:
    server.files[HUB] = CONTENT
    path = fetched(server.address + HUB, "net.safetensors", QUIET)
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(UserError, match="has changed since it was downloaded"):
        fetched(server.address + HUB, "net.safetensors", QUIET)


def test_a_file_that_was_put_into_the_cache_by_hand_is_taken(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "net.safetensors").write_bytes(CONTENT)
    assert fetched("http://127.0.0.1:9/none", "net.safetensors", QUIET).read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/net.safetensors", "{server}/net.safetensors"])
def test_without_a_network_one_error_names_the_file_and_where_to_put_it(path: str, server: Any, cache: Path) -> None:
    url = path.format(server=server.address)
    with pytest.raises(UserError) as error:
        fetched(url, "net.safetensors", QUIET)
    assert error.value.where == url
    assert f"put that file at {cache / 'net.safetensors'} yourself" in error.value.fix
    assert not list(cache.glob("*"))
