"""The demo's web server: a small JSON API, and the page that uses it (section VI.A).

Nothing that is uploaded is written to disk or kept, and nothing is fetched from another host.
"""

import io
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from flask import Flask, Request, Response, jsonify, request, send_file
from waitress import create_server
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from leukgnn.demo.predict import FILE_BYTES, FILES, classify, described
from leukgnn.demo.predictor import Predictor
from leukgnn.demo.samples import sample_names, sample_picture
from leukgnn.features import resnet
from leukgnn.files import InputError

HOST = "127.0.0.1"
MEGABYTE = 2**20
REQUEST_BYTES = 32 * MEGABYTE
NAME = 120  # letters of a file's name that an answer repeats
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class _InMemory(Request):
    """A request whose uploads stay in memory; Werkzeug writes larger ones to temporary files."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> BinaryIO:
        return io.BytesIO()


class _App(Flask):
    request_class = _InMemory


def create_app(predictor: Predictor) -> Flask:
    """Flask application that answers with one predictor.

    `POST /api/predict` (multipart, field `file`, one or many), `GET /api/model`,
    `GET /api/health`, `GET /api/samples`, and the page at `/`. Errors are JSON: one sentence as
    `error`.
    """
    app = _App(__name__, static_folder="page", static_url_path="")
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES
    app.config["MAX_FORM_PARTS"] = 4 * FILES  # counted and refused by our own sentence before
    one_at_a_time = Lock()  # two passes side by side would only share the processor's cores

    @app.get("/")
    def page() -> Response:
        return app.send_static_file("index.html")

    @app.get("/api/health")
    def health() -> Response:
        return jsonify(status="ok")

    @app.get("/api/model")
    def model() -> Response:
        limits = {"files": FILES, "file_bytes": FILE_BYTES, "request_bytes": REQUEST_BYTES}
        return jsonify(described(predictor.metadata) | {"limits": limits})

    @app.get("/api/samples")
    def samples() -> Response:
        return jsonify(samples=[{"name": n, "url": f"api/samples/{n}"} for n in sample_names()])

    @app.get("/api/samples/<name>")
    def sample(name: str) -> Response:
        if name not in sample_names():
            raise NotFound(f"There is no sample {name[:NAME]!r}; /api/samples lists them.")
        return send_file(io.BytesIO(sample_picture(name)), mimetype="image/png", max_age=3600)

    @app.post("/api/predict")
    def predict() -> tuple[Response, int]:
        given = [(_shown(file), _reader(file)) for file in _files()]
        with one_at_a_time:
            results = classify(predictor, given)
        if any(result["ok"] for result in results):
            return jsonify(results=results), 200
        return jsonify(error=results[0]["error"], results=results), 400

    app.before_request(_same_origin)
    app.after_request(_secured)
    app.register_error_handler(HTTPException, _as_json)
    return app


def _files() -> list[FileStorage]:
    """Files of the request; raise when there are none or too many."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send images as multipart/form-data, in the field 'file'.")
    files = request.files.getlist("file")
    if not files:
        raise BadRequest("The request holds no file: send one or more images as field 'file'.")
    if len(files) > FILES:
        raise RequestEntityTooLarge(f"The request holds {len(files)} files, at most {FILES} go.")
    return files


def _shown(file: FileStorage) -> str:
    """Name of an uploaded file without folders or control characters, and not endless."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:NAME] or "(unnamed)"


def _reader(file: FileStorage) -> Any:
    """How to get a file's content; raises InputError when it is too large."""

    def read() -> bytes:
        content = file.stream.read()
        if len(content) > FILE_BYTES:
            raise InputError(
                f"{_shown(file)}: {len(content) / MEGABYTE:.1f} MB, at most "
                f"{FILE_BYTES // MEGABYTE} go; send the image as distributed."
            )
        return content

    return read


def _same_origin() -> None:
    """Refuse requests that another site's page makes in a reader's browser.

    A proxy that gives the request another Host says the first one as X-Forwarded-Host; no page of
    another site can make a browser send that.
    """
    origin = request.headers.get("Origin", "").rpartition("://")[2]  # "null" stays
    forwarded = request.headers.get("X-Forwarded-Host", "").partition(",")[0].strip()
    if origin and origin not in (request.host, forwarded):
        raise Forbidden(
            f"Requests from pages of other hosts are not answered: this one comes from a page of "
            f"{origin[:NAME]} and asks {request.host[:NAME]}. If that is a proxy in between, let "
            "it hand on the Host header, or send X-Forwarded-Host (nginx: proxy_set_header Host "
            "$http_host)."
        )


def _secured(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.path.startswith("/api/") and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _as_json(error: HTTPException) -> tuple[Response, int]:
    """One sentence for every refusal, in JSON."""
    sentence = error.description or error.name
    if sentence == RequestEntityTooLarge.description:  # Werkzeug's own, before a file is looked at
        megabytes = REQUEST_BYTES // MEGABYTE
        sentence = f"The request is too large: at most {FILES} files and {megabytes} MB go at once."
    return jsonify(error=sentence), error.code or 500


def run(weights: str, reference: Path | None, port: int) -> None:
    """Serve the demo on this machine alone until it is interrupted.

    Raises
    ------
    InputError
        When the port is taken or not allowed.
    """
    if not 0 <= port < 2**16:
        raise InputError(f"--port {port}: expected 0 (any free one) to {2**16 - 1}.")
    predictor = Predictor(resnet.find_weights(weights), reference)
    try:
        server = create_server(
            create_app(predictor),
            host=HOST,
            port=port,
            ident=None,
            threads=8,  # requests wait for one another at the network, not for a thread
            # What comes in stays in memory; Flask refuses what is larger, with a sentence.
            inbuf_overflow=4 * REQUEST_BYTES,
            max_request_body_size=4 * REQUEST_BYTES,
        )
    except OSError as error:
        raise InputError(
            f"port {port} cannot be used ({error}); choose another one with --port."
        ) from error
    print(f"leukgnn demo at http://{HOST}:{server.effective_port} (stop with Ctrl-C)", flush=True)
    server.run()
