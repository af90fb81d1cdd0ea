"""``vigilar models``: the real command line, and an https server of the test's own."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.flow.command_line import vigilar
from tests.object_kit import colour_network, manifest_of, write_network
from vigilar.base.models_folder import has_model
from vigilar.detect.objects.catalogue import BUNDLED, CATALOGUE, DRAWN_NAME, bundled_models
from vigilar.detect.objects.model import open_model


def in_use(folder: Path) -> list[str]:
    found = vigilar(folder, "models", "list", "--json").json["models"]
    return [one["name"] for one in found if one["in_use"]]


def test_list_says_what_there_is_and_how_to_get_it(tmp_path: Path) -> None:
    done = vigilar(tmp_path, "models", "list")
    assert done.code == 0
    assert "vigilar models install" in done.out
    found = vigilar(tmp_path, "models", "list", "--json").json["models"]
    assert {one["name"] for one in found} == {one.name for one in CATALOGUE} | {DRAWN_NAME}
    assert all(one["licence"] and len(one["sha256"]) == 64 and one["size_bytes"] > 0 for one in found)
    assert not has_model(tmp_path)


def test_bundled_model_needs_no_network_and_no_file(tmp_path: Path) -> None:
    done = vigilar(tmp_path, "models", "install", DRAWN_NAME)
    assert done.code == 0
    assert "made for the drawn scenes" in done.err
    assert in_use(tmp_path) == [DRAWN_NAME]
    assert has_model(tmp_path)


def test_bundled_model_is_small_and_true(tmp_path: Path) -> None:
    (manifest,) = bundled_models()
    assert manifest.size_bytes < 1_000_000
    assert open_model(BUNDLED / manifest.file, manifest).manifest.made_for


def test_file_is_installed_and_removed(tmp_path: Path) -> None:
    file, _ = write_network(tmp_path / "given")
    manifest = file.with_suffix(".json")
    done = vigilar(tmp_path, "models", "install", "--from", str(file), "--manifest", str(manifest))
    assert (done.code, in_use(tmp_path)) == (0, ["colours"])
    done = vigilar(tmp_path, "models", "remove", "colours")
    assert (done.code, "Nothing is recognised now" in done.err) == (0, True)
    assert (in_use(tmp_path), list((tmp_path / "models").iterdir())) == ([], [])


@pytest.mark.parametrize("case", ["other bytes", "missing", "no manifest", "no network"])
def test_bad_file_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    file, manifest = write_network(tmp_path / "given")
    if case == "other bytes":
        file.write_bytes(b"x" * manifest.size_bytes)
    elif case == "missing":
        file.unlink()
    elif case == "no manifest":
        file.with_suffix(".json").write_text("{}")
    else:
        raw = b"this is no network"
        file.write_bytes(raw)
        file.with_suffix(".json").write_text(manifest_of(raw).dump())
    done = vigilar(tmp_path, "models", "install", "--from", str(file), "--manifest", str(file.with_suffix(".json")))
    assert done.code == 1
    assert 1 <= len(done.err.splitlines()) <= 2
    assert in_use(tmp_path) == []


def test_unknown_name_says_where_names_are(tmp_path: Path) -> None:
    for command in (("install", "yolo-ghost"), ("remove", "yolo-ghost")):
        done = vigilar(tmp_path, "models", *command)
        assert (done.code, "vigilar models list" in done.err) == (4, True)


def test_model_without_an_address_asks_for_its_file(tmp_path: Path) -> None:
    done = vigilar(tmp_path, "models", "install", "yolox-nano")
    assert (done.code, "--from FILE" in done.err) == (4, True)


@dataclass(slots=True)
class Server:
    """Gives one file over https, as told: ``cut_at`` ends an answer after so many bytes, ``moved`` sends elsewhere."""

    raw: bytes
    url: str = ""
    cut_at: int | None = None
    moved: bool = False
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(colour_network())
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            made.ranges.append(asked)
            if made.moved:
                self.send_response(302)
                self.send_header("Location", made.url + "/elsewhere")
                self.end_headers()
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(made.raw) - 1}/{len(made.raw)}")
            self.send_header("Content-Length", str(len(made.raw) - start))
            self.end_headers()
            self.wfile.write(made.raw[start : made.cut_at])

        def log_message(self, *_: object) -> None:
            """Quiet."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    made.url = f"https://localhost:{listening.server_address[1]}/model.onnx"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield made
    listening.shutdown()
    thread.join()
    listening.server_close()


def manifest_file(folder: Path, server: Server) -> str:
    path = folder / "model.json"
    path.write_text(manifest_of(colour_network(), source=server.url).dump())
    return str(path)


def test_download_goes_on_where_it_was_cut(tmp_path: Path, server: Server) -> None:
    manifest, half = manifest_file(tmp_path, server), len(server.raw) // 2
    server.cut_at = half
    done = vigilar(tmp_path, "models", "install", "--manifest", manifest)
    assert done.code == 1
    assert "it goes on where it ended" in done.err
    assert in_use(tmp_path) == []
    server.cut_at = None
    done = vigilar(tmp_path, "models", "install", "--manifest", manifest)
    assert (done.code, in_use(tmp_path)) == (0, ["colours"])
    assert "(100 %)" in done.err, "how far it is"
    assert server.ranges == [None, f"bytes={half}-"]


def test_download_of_other_bytes_is_thrown_away(tmp_path: Path, server: Server) -> None:
    server.raw = server.raw[:-1] + b"x"
    done = vigilar(tmp_path, "models", "install", "--manifest", manifest_file(tmp_path, server))
    assert (done.code, "SHA-256 is another" in done.err) == (1, True)
    assert [path.name for path in (tmp_path / "models").iterdir()] == []


def test_redirect_is_not_followed(tmp_path: Path, server: Server) -> None:
    server.moved = True
    done = vigilar(tmp_path, "models", "install", "--manifest", manifest_file(tmp_path, server))
    assert (done.code, "the server answered 302" in done.err) == (1, True)
    assert len(server.ranges) == 1


def test_certificate_that_nobody_signed_is_refused(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_file(tmp_path, server)
    monkeypatch.delenv("SSL_CERT_FILE")
    done = vigilar(tmp_path, "models", "install", "--manifest", manifest)
    assert done.code == 1
    assert "certificate" in done.err.lower()
    assert server.ranges == []


def test_manifest_of_an_installed_model_is_beside_it(tmp_path: Path) -> None:
    vigilar(tmp_path, "models", "install", DRAWN_NAME)
    written = json.loads((tmp_path / "models" / f"{DRAWN_NAME}.json").read_text())
    assert written["kinds"] == {"0": "person", "1": "vehicle", "2": "cat", "3": "bird"}
