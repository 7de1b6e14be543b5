"""The demo without a server: its networks as ONNX and its page, beside the predictor."""

import gzip
import io
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from PIL import Image

from leukgnn.book import checks
from leukgnn.cells import phantoms
from leukgnn.cells.transforms import evaluation_pixels
from leukgnn.demo import export
from leukgnn.demo.predict import classify
from leukgnn.files import InputError
from leukgnn.graphs import knn
from leukgnn.paper import THRESHOLD

NEAR = 0.05  # probability; the page's weights have 10 bits, and one neighbour may be another
CELLS = 20
SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The exported folder; tests only read it."""
    folder = tmp_path_factory.mktemp("site") / "try"
    folder.mkdir()
    # As Snakemake leaves an earlier export, whose model.json it has taken away.
    for name in ("of_an_earlier_build.txt", "encoder.onnx.gz", "decision.onnx.gz"):
        (folder / name).touch()
    export.export(folder)
    return folder


@pytest.fixture(scope="module")
def sessions(exported):
    one = onnxruntime.SessionOptions()
    one.intra_op_num_threads = 1
    return [
        onnxruntime.InferenceSession(
            gzip.decompress((exported / f"{name}.onnx.gz").read_bytes()), one
        )
        for name in ("encoder", "decision")
    ]


@pytest.fixture(scope="module")
def drawn():
    return [phantoms.draw_cell(n % 2, np.random.default_rng([3, n])) for n in range(CELLS)]


def test_the_folder_is_made_anew_and_says_what_is_in_it(exported):
    assert not (exported / "of_an_earlier_build.txt").exists()
    model = json.loads((exported / "model.json").read_text())
    for name, told in model["files"].items():
        assert (exported / name).stat().st_size == told["bytes"]
    assert sum(told["bytes"] for told in model["files"].values()) < 25e6
    assert model["version"] == export.VERSION and len(model["samples"]) == 10
    page = (exported / "index.html").read_text()
    assert 'data-home="static"' in page and "default-src 'none'" in page
    assert "ONNX Runtime" in (exported / "licenses-runtime.md").read_text()


def test_a_folder_of_something_else_is_not_thrown_away(tmp_path):
    (tmp_path / "thesis.txt").touch()
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="something else than an earlier export"):
            export.export(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_networks_answer_as_the_predictor_does(sessions, drawn, predictor):
    encoder, decision = sessions
    answers = predictor.predict(drawn)
    for image, answer in zip(drawn, answers, strict=True):
        pixels = evaluation_pixels(image)[None].float().numpy()
        (features,) = encoder.run(None, {"pixels": pixels})
        near, _ = predictor.attach(features)
        chosen = np.zeros((1, len(predictor._x)), dtype=np.float32)
        _, dummy, mlp = decision.run(None, {"features": features, "chosen": chosen})
        chosen[0, near[0]] = 1
        _, gcn, _ = decision.run(None, {"features": features, "chosen": chosen})
        assert gcn[0] == pytest.approx(answer.probability, abs=NEAR)
        assert mlp[0] == pytest.approx(answer.without_graph, abs=NEAR)
        assert dummy[0] == pytest.approx(answer.as_dummy_node, abs=NEAR)


def test_a_decision_over_chosen_cells_is_the_predictors(sessions, predictor):
    """To rounding, as the features are the same here; and similarities are cosines."""
    _, decision = sessions
    x = predictor._x[::400] * np.float32(1.01)
    near, similarity = predictor.attach(x)
    for i in range(len(x)):
        chosen = np.zeros((2, len(predictor._x)), dtype=np.float32)
        few = near[i : i + 1, :7]
        chosen[0, few[0]] = chosen[1, few[0, 1:]] = 1
        cosine, gcn, mlp = decision.run(None, {"features": x[i : i + 1], "chosen": chosen})
        fewer = predictor.without_each(x[i : i + 1], few)[0, 0]
        expected = [predictor.judge(x[i : i + 1], few)[0], fewer]
        assert gcn == pytest.approx(expected, abs=1e-5)
        assert mlp[0] == pytest.approx(predictor.without_graph(x[i : i + 1])[0], abs=1e-5)
        assert cosine[0][near[i]] == pytest.approx(similarity[i], abs=1e-5)


def test_packed_weights_are_near_the_whole_ones(drawn, sessions):
    """And near enough that the cells' own neighbours among themselves stay the same."""
    encoder, _ = sessions
    weights = export.resnet.find_weights()
    embed = export.resnet.extractor(weights)
    pixels = [evaluation_pixels(image)[None] for image in drawn]
    whole = np.concatenate([embed(p) for p in pixels])
    packed = np.concatenate([encoder.run(None, {"pixels": p.float().numpy()})[0] for p in pixels])
    cosine = (whole * packed).sum(1)
    cosine /= np.linalg.norm(whole, axis=1) * np.linalg.norm(packed, axis=1)
    assert (1 - cosine).max() < 1e-4
    assert np.mean(knn(whole, 3)[0] == knn(packed, 3)[0]) > 0.9


@pytest.fixture(scope="module")
def real_cells(request):
    """50 cells as distributed, where they are at hand."""
    if not SHARED.is_dir():
        return []
    return sorted(request.getfixturevalue("originals").rglob("*.bmp"))[::17][:50]


@pytest.fixture(scope="module")
def address(exported):
    """Of a static host below a path, as a book's pages are."""
    with checks.served(exported.parent) as root:
        yield f"{root}/{exported.name}/"


def opened(browser, address, asked, **options):
    page = browser.new_context(**options).new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(f"error: {error}"))
    page.goto(address)
    return page


def load(page):
    page.get_by_test_id("load").click()
    page.get_by_test_id("load").wait_for(state="detached", timeout=60_000)


def saved_as_csv(page, read):
    with page.expect_download() as saved:
        page.get_by_test_id("export").click()
    return read(saved.value.path(), dtype={"error": str, "warnings": str}, keep_default_na=False)


def with_alpha_mask(image, compression=3):
    """A BMP of 32 bits whose header (BITMAPV4) has a mask of alpha, which counts with masks (3)."""
    rows = np.asarray(image.convert("RGBA"))[::-1, :, [2, 1, 0, 3]].tobytes()
    width, height = image.size
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack(
        "<IiiHHIIiiII", 108, width, height, 1, 32, compression, len(rows), 0, 0, 0, 0
    )
    header += masks + b"BGRs" + bytes(48)
    place = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", place + len(rows), 0, 0, place) + header + rows


def odd_files(drawn):
    """What is no image of a cell, or not a whole one, by name."""

    def stored(image, kind, **options):
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        return stream.getvalue()

    cell = drawn[0]
    found = {
        "empty.bmp": b"",
        "text.png": b"no image",
        "grey.png": stored(cell.convert("L"), "PNG"),
        "palette.png": stored(cell.convert("P"), "PNG"),
        "bits.png": stored(cell.convert("1"), "PNG"),
        "deep.png": stored(Image.fromarray(np.zeros((450, 450), np.uint16)), "PNG"),
        "alpha.png": stored(cell.convert("RGBA"), "PNG"),
        "alpha.bmp": with_alpha_mask(cell),
        "unread.bmp": with_alpha_mask(cell, compression=0),
        "clear.png": stored(cell, "PNG", transparency=(0, 0, 0)),
        "grey.jpg": stored(cell.convert("L"), "JPEG"),
        "alpha.webp": stored(cell.convert("RGBA"), "WEBP", lossless=True, exact=True),
        "small.bmp": stored(cell.resize((100, 100)), "BMP"),
        "wide.jpg": stored(cell.resize((450, 300)), "JPEG"),
        "large.webp": stored(cell.resize((700, 700)), "WEBP", lossless=True),
    }
    for kind, name in (("BMP", "bmp"), ("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")):
        whole = stored(cell, kind)
        found[f"cut.{name}"] = whole[: len(whole) // 2]
    return found


def test_the_page_answers_as_python_does_with_the_network_off(
    address, browser, drawn, predictor, real_cells, tmp_path
):
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    images = {f"phantom_{n:02d}.png": image for n, image in enumerate(drawn)}
    images |= {"noise.png": Image.fromarray(noise), "scaled.bmp": drawn[0].resize((300, 300))}
    for name, image in images.items():
        image.save(tmp_path / name)
    for name, content in odd_files(drawn).items():
        (tmp_path / name).write_bytes(content)
    turned = Image.Exif()
    turned[0x0112] = 6  # its orientation, which neither side follows
    lossy, exact = {"quality": 95}, {"lossless": True}
    for kind, how in (("jpg", lossy), ("png", {}), ("webp", exact)):
        drawn[1].save(tmp_path / f"plain.{kind}", **how)
        drawn[1].save(tmp_path / f"turned.{kind}", exif=turned, **how)
    if real_cells:  # the reference holds this very cell, in whatever format
        Image.open(real_cells[0]).save(tmp_path / "copy.png")
    paths = [*sorted(tmp_path.iterdir()), *real_cells]
    asked = []
    page = opened(browser, address, asked, viewport={"width": 1280, "height": 900})
    assert "not a medical device" in page.get_by_test_id("notice").inner_text()
    assert not any("onnx" in url for url in asked)  # until the reader asks for it
    load(page)
    assert all(url.startswith((address, "blob:")) for url in asked)
    page.context.set_offline(True)
    page.get_by_test_id("sample").first.click()
    page.get_by_role("button", name="Remove").first.wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_test_id("dropzone-input").set_input_files(paths)
    page.get_by_test_id("classify").click()
    page.get_by_text("could not be classified.").first.wait_for(timeout=120_000)
    told = saved_as_csv(page, pd.read_csv)
    expected = classify(predictor, [(path.name, path.read_bytes) for path in paths])
    assert len(told) == len(expected)
    for (_, ours), theirs in zip(told.iterrows(), expected, strict=True):
        assert ours["file_name"] == theirs["name"] and ours["ok"] == theirs["ok"], ours
        if not theirs["ok"]:
            start, _, _ = theirs["error"].partition(" (")
            assert ours["error"].startswith(start), (ours["error"], theirs["error"])
            continue
        near = abs(theirs["probability"] - THRESHOLD) < 2 * NEAR
        assert near or ours["label"] == theirs["label"]
        for key in ("probability", "without_graph", "as_dummy_node"):
            assert float(ours[key]) == pytest.approx(theirs[key], abs=NEAR)
        changes = re.findall(r"without it ([-\d.e]+)\)", ours["neighbours"])
        assert sorted(map(float, changes)) == pytest.approx(
            sorted(neighbour["change"] for neighbour in theirs["neighbours"]), abs=NEAR
        )
        kinds = [warning.partition("distance")[0] for warning in theirs["warnings"]]
        assert all(kind in ours["warnings"] for kind in kinds)
        assert bool(ours["warnings"]) == bool(theirs["warnings"])
    alike = told.set_index("file_name")["probability"]
    for kind in ("jpg", "png", "webp"):
        assert alike[f"turned.{kind}"] == alike[f"plain.{kind}"]


def test_other_neighbours_move_the_answer_and_back(address, browser, serious):
    asked = []
    page = opened(browser, address, asked, viewport={"width": 390, "height": 844})
    load(page)
    page.get_by_test_id("sample").first.click()
    page.get_by_test_id("classify").click()
    card = page.get_by_test_id("card")
    card.wait_for()
    before = card.locator(".scale-values").inner_text()
    card.get_by_text("Choose other neighbours").click()
    card.get_by_role("button", name="Remove").first.click()
    back = card.get_by_role("button", name="Put back")
    back.wait_for()
    card.get_by_text("of 9 neighbours").wait_for()  # the answer comes a moment after the click
    name = back.get_attribute("aria-label").removeprefix("Put back ")
    back.press("Enter")
    card.get_by_text("of 10 neighbours").wait_for()
    assert page.evaluate("document.activeElement.ariaLabel") == f"Remove {name}"
    page.keyboard.press("Enter")
    card.get_by_text("of 9 neighbours").wait_for()
    assert "9 neighbours" in card.inner_text()
    assert card.locator(".scale-values").inner_text() != before
    card.get_by_test_id("k").fill("30")
    card.get_by_text("of 29 neighbours").wait_for()
    card.get_by_role("button", name="As before").click()
    card.get_by_text("of 10 neighbours").wait_for()
    assert card.locator(".scale-values").inner_text() == before
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert not [what for what in asked if what.startswith("error")]
    if target := os.environ.get("LEUKGNN_SCREENSHOTS"):
        page.set_viewport_size({"width": 1280, "height": 1000})
        card.get_by_role("button", name="Remove").first.click()
        card.get_by_role("button", name="Put back").wait_for()
        card.evaluate("card => window.scrollTo(0, card.offsetTop - 60)")
        page.screenshot(path=Path(target) / "try_wide.png", animations="disabled")


@pytest.mark.parametrize("name", ["encoder.onnx.gz", "reference.json"])
def test_a_damaged_file_is_refused_in_one_sentence(address, browser, name):
    page = browser.new_page()
    page.route(
        f"**/{name}",
        lambda route: route.fulfill(body=route.fetch().body()[:-1] + b"\0", status=200),
    )
    page.goto(address)
    page.get_by_test_id("load").click()
    page.get_by_test_id("error-card").wait_for()
    assert (
        f"{name} is damaged or of another build" in page.get_by_test_id("error-card").inner_text()
    )
    assert page.get_by_test_id("load").is_enabled()


def test_files_of_another_version_are_refused_in_one_sentence(address, browser):
    page = browser.new_page()

    def another(route):
        model = route.fetch().json() | {"version": export.VERSION + 1}
        route.fulfill(json=model)

    page.route("**/model.json", another)
    page.goto(address)
    page.get_by_test_id("error-card").wait_for()
    said = page.get_by_test_id("error-card").inner_text()
    assert (
        f"of version {export.VERSION + 1}, this page reads version {export.VERSION}: build the book"
        in said
    )


def test_a_worker_that_could_not_start_is_asked_for_again(address, browser):
    page = browser.new_page()
    page.route("**/worker-*.js", lambda route: route.abort(), times=1)
    page.goto(address)
    page.get_by_test_id("load").click()
    page.get_by_test_id("error-card").wait_for()
    assert "The networks stopped unexpectedly" in page.get_by_test_id("error-card").inner_text()
    page.get_by_test_id("load").click()
    page.get_by_test_id("load").wait_for(state="detached")
    assert not page.get_by_test_id("error-card").count()


def test_who_tries_again_gets_the_phantoms_too(address, browser):
    page = browser.new_page()
    page.route("**/model.json", lambda route: route.abort(), times=1)
    page.goto(address)
    page.get_by_role("button", name="Try again").click()
    page.get_by_test_id("load").click()
    page.get_by_test_id("sample").first.wait_for()
