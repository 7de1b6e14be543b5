"""The demo's API: what it answers, and every bad input that we could think of."""

import io
import re
import socket
import struct
import tempfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from leukgnn.cells import phantoms
from leukgnn.demo import serve
from leukgnn.files import InputError


@pytest.fixture(scope="session")
def client(predictor):
    return serve.create_app(predictor).test_client()


def picture(kind="PNG", side=450, mode="RGB", **more):
    stream = io.BytesIO()
    cell = phantoms.draw_cell(1, np.random.default_rng(3)).resize((side, side)).convert(mode)
    cell.save(stream, kind, **more)
    return stream.getvalue()


def bomb(side):
    """A PNG of a few bytes that says it has so many pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )  # fmt: skip


def post(client, *contents, names=None):
    names = names or [f"cell_{i}.png" for i in range(len(contents))]
    files = [(io.BytesIO(c), n) for c, n in zip(contents, names, strict=True)]
    return client.post("/api/predict", data={"file": files})


def test_single_and_many_files(client):
    results = post(client, picture()).get_json()["results"]
    assert len(results) == 1 and results[0]["ok"] and results[0]["label"] in ("Leukemia", "Healthy")
    assert set(results[0]) >= {
        "confidence",
        "probability",
        "without_graph",
        "neighbours",
        "warnings",
    }
    many = post(client, picture(), picture("BMP"), picture("WEBP", lossless=True)).get_json()
    assert [r["probability"] for r in many["results"]] == [results[0]["probability"]] * 3


BAD = {
    "empty": (b"", "empty"),
    "text": (b"hello, not an image", "cannot be read"),
    "truncated": (picture()[:900], "cannot be read"),
    "truncated bmp": (picture("BMP")[:900], "cannot be read"),
    "bomb": (bomb(60000), "decompression bomb"),
    "smaller bomb": (bomb(9000), "9000x9000"),
    "too small": (picture(side=100), "100x100"),
    "too wide": (picture(side=601), "601x601"),
    "grey": (picture(mode="L"), "mode is L"),
    "transparent": (picture(mode="RGBA"), "mode is RGBA"),
    "gif": (picture("GIF", mode="P"), "cannot be read"),
    "tiff": (picture("TIFF"), "cannot be read"),
    "heavy": (picture("BMP") + b"\0" * serve.FILE_BYTES, "at most 4 go"),
    "page": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gets_a_sentence_and_spoils_no_other(client, kind):
    content, word = BAD[kind]
    alone = post(client, content)
    assert alone.status_code == 400 and word in alone.get_json()["error"]
    mixed = post(client, picture(), content, picture())
    assert mixed.status_code == 200
    assert [r["ok"] for r in mixed.get_json()["results"]] == [True, False, True]
    assert word in mixed.get_json()["results"][1]["error"]


def test_requests_that_cannot_be_answered(client):
    cases = [
        (client.post("/api/predict"), 415, "multipart"),
        (client.post("/api/predict", json={"file": "x"}), 415, "multipart"),
        (client.post("/api/predict", data={"other": (io.BytesIO(b"x"), "x.png")}), 400, "no file"),
        (client.post("/api/predict", data={"file": "only text"},
                     content_type="multipart/form-data"), 400, "no file"),
        (post(client, *[b"x"] * (serve.FILES + 1)), 413, "at most 32"),
        (post(client, *[b"x"] * (serve.FILES * 5)), 413, "too large"),
        (client.post("/api/predict", data=b"", content_type="multipart/form-data; boundary=x",
                     environ_overrides={"CONTENT_LENGTH": str(serve.REQUEST_BYTES + 1)}),
         413, "32 MB"),
        (client.put("/api/predict"), 405, "not allowed"),
        (client.get("/api/nothing"), 404, "not found"),
        (client.get("/api/samples/none.png"), 404, "samples"),
        (client.get("/../pyproject.toml"), 404, "not found"),
        (client.get("/api/health", headers={"Origin": "http://elsewhere.example"}), 403, "hosts"),
        (client.get("/api/health", headers={"Origin": "null"}), 403, "hosts"),  # sandboxed frame
    ]  # fmt: skip
    for response, status, word in cases:
        assert response.status_code == status, response.get_data(as_text=True)
        assert word in response.get_json()["error"]


def test_names_are_shown_without_folders_or_control_characters(client):
    name = "../../etc/a\tb\x07" + "x" * 300 + ".png"
    shown = post(client, picture(), names=[name]).get_json()["results"][0]["name"]
    assert "/" not in shown and shown.isprintable() and len(shown) <= serve.NAME


def test_nothing_is_written_to_disk(client, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a temporary file was asked for")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refuse, raising=False)
    monkeypatch.setattr("werkzeug.formparser.TemporaryFile", refuse, raising=False)
    assert post(client, picture("BMP", side=600)).status_code == 200


def test_orientation_of_exif_is_ignored(client):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    plain, turned = (picture("JPEG", quality=95, exif=e) for e in (Image.Exif(), exif))
    probabilities = [
        post(client, c).get_json()["results"][0]["probability"] for c in (plain, turned)
    ]
    assert probabilities[0] == probabilities[1]


def test_what_the_page_needs_to_know(client):
    model = client.get("/api/model").get_json()
    assert "trained from random weights on C-NMC 2019" in model["weights"]["name"]
    assert model["reference"]["cells"] == 7936 and model["limits"]["files"] == serve.FILES
    assert 0 < model["operating_point"]["threshold"] < 1
    samples = client.get("/api/samples").get_json()["samples"]
    assert len(samples) == 10
    image = client.get("/" + samples[0]["url"])
    assert image.mimetype == "image/png" and post(client, image.data).status_code == 200


def test_the_page_and_its_parts_are_in_the_package(client):
    page = client.get("/").get_data(as_text=True)
    parts = re.findall(r'(?:src|href)="\./([^"]+)"', page)
    assert len(parts) == 3
    assert [client.get(f"/{part}").status_code for part in parts] == [200] * 3


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/nothing"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers


SOMETHING = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SOMETHING
@given(content=st.binary(max_size=2000), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"BM"]))
def test_any_content_gets_a_sentence(client, content, start):
    response = post(client, start + content)
    assert response.status_code == 400 and response.get_json()["error"].endswith(".")


@SOMETHING
@given(place=st.integers(60, 3000), value=st.integers(0, 255))
def test_any_damage_of_an_image_is_answered(client, place, value):
    content = bytearray(picture(side=128))
    content[place % len(content)] = value
    assert post(client, bytes(content)).status_code in (200, 400)


@SOMETHING
@given(body=st.binary(max_size=500))
def test_any_malformed_upload_gets_a_sentence(client, body):
    response = client.post(
        "/api/predict",
        data=b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n" + body,
        content_type="multipart/form-data; boundary=x",
    )
    assert response.status_code in (400, 413) and response.get_json()["error"]


def test_weights_that_saw_no_reference_cells_serve_no_demo():
    """Such as torchvision's own."""
    with pytest.raises(InputError, match="no reference cells were seen by these weights"):
        serve.run("random:7", None, 0)


def test_a_port_that_cannot_be_used_is_named(monkeypatch, predictor):
    monkeypatch.setattr(serve, "Predictor", lambda weights, reference: predictor)
    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        for port in (70000, taken.getsockname()[1]):
            with pytest.raises(InputError, match=f"port {port}"):
                serve.run("", None, port)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "cells.example", "Origin": "https://cells.example"}, 200),
        ({"Host": "localhost:8000", "Origin": "https://cells.example"}, 403),
        (
            {
                "Host": "localhost:8000",
                "Origin": "https://cells.example",
                "X-Forwarded-Host": "cells.example, inner.example",
            },
            200,
        ),
    ],
)
def test_behind_a_proxy(client, headers, status):
    response = client.get("/api/health", headers=headers)
    assert response.status_code == status
    if status == 403:
        said = response.get_json()["error"]
        assert "a page of cells.example and asks localhost:8000" in said
        assert "Host header" in said and "X-Forwarded-Host" in said
