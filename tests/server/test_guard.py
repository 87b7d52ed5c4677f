"""Only the page itself may ask: no other site, no foreign name, nobody without the token, nothing larger than is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neocog.run import Run

Refused = Callable[[Any, int], dict[str, str]]


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "127.0.0.1:8001", "127.0.0.1", "localhost.evil.example:8000", "127.0.0.1:8000.evil", ""],
)
def test_a_foreign_host_is_refused_as_a_rebound_name_has_it(client: Any, refused: Refused, host: str) -> None:
    refused(client.get("/api/runs", headers={"Host": host}), 421)
    refused(client.get("/", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_its_own_names_are_not(client: Any, host: str) -> None:
    assert client.get("/api/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_is_refused(client: Any, refused: Refused, site: str) -> None:
    refused(client.post("/api/runs/0/look", content=b"", headers={"Sec-Fetch-Site": site}), 403)
    refused(client.get("/api/runs", headers={"Sec-Fetch-Site": site}), 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001"])
def test_a_browser_that_tells_only_the_origin_is_refused_by_that(client: Any, refused: Refused, origin: str) -> None:
    refused(client.post("/api/runs/0/look", content=b"", headers={"Origin": origin}), 403)


def test_where_others_reach_the_port_everything_but_the_page_itself_needs_the_token(
    lenet: Run, client_of: Callable[..., Any], refused: Refused
) -> None:
    with client_of([lenet], host="0.0.0.0", token="secret") as client:
        assert client.get("/").status_code == client.get("/main.js").status_code == 200
        refused(client.get("/api/runs"), 401)
        refused(client.get("/api/runs", headers={"X-Neocog-Token": "secreT"}), 401)
        refused(client.get("/api/runs?token=secret", headers={"Cookie": "token=secret"}), 401)
        refused(client.post("/api/runs/0/look", content=b""), 401)
        told = client.get("/api/runs", headers={"X-Neocog-Token": "secret"})
        assert told.status_code == 200 and "set-cookie" not in told.headers
        named = {"Host": "my-machine:8000", "X-Neocog-Token": "secret"}
        refused(client.get("/api/runs", headers=named), 421)  # by address alone: names can be rebound
        by_address = {"Host": "192.168.1.5:8000", "X-Neocog-Token": "secret"}
        assert client.get("/api/runs", headers=by_address).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/..%2f..%2fapp.py", "/%2e%2e/app.py", "//etc/passwd", "/etc/passwd", "/page/../app.py",
     "/api/runs/../../x", "/index.html%00.js",
     "/style.css/", "/api/runs/%2e%2e", "/api/runs/-1", "/api/runs/99",
     "/api/runs/0/../../etc"],
)  # fmt: skip
def test_no_path_from_a_client_is_opened(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404) and b"root:" not in answer.content and b"import" not in answer.content


def test_too_large_a_body_is_refused_whether_it_says_so_or_not(
    lenet: Run, client_of: Callable[..., Any], refused: Refused
) -> None:
    with client_of([lenet], most=1 << 20) as client:
        assert "1 MB" in refused(client.post("/api/runs/0/look", content=b"x" * ((1 << 20) + 1)), 413)["what"]
        pieces = (b"x" * 100_000 for _ in range(20))  # no length is told
        refused(client.post("/api/runs/0/look", content=pieces), 413)
        refused(client.post("/api/runs/0/look", content=b"x", headers={"Content-Length": "-5"}), 413)


def test_every_answer_has_a_strict_policy_and_no_leave_for_others(client: Any) -> None:
    for answer in (client.get("/"), client.get("/api/runs"), client.get("/no"), client.get("/", headers={"Host": "x"})):
        policy = answer.headers["content-security-policy"]
        assert (
            policy.startswith("default-src 'self';") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "set-cookie" not in answer.headers
