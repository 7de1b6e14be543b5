"""The ledger is whole, and a verdict follows the numbers."""

import dataclasses
import itertools
import json
import re

import jupytext
import nbformat
import pandas as pd
import pytest
import yaml

from leukgnn import claims, files, paper
from leukgnn.book import chapters
from leukgnn.claims import arithmetic
from leukgnn.evaluation import METRICS, PAIRS, inference
from leukgnn.files import InputError
from leukgnn.names import KEYS

PREFIX = "application/papermill.record/"
IDS = (
    [f"C{i:03d}" for i in range(1, 123)] + ["C036b", "C072b"] + [f"R{i:02d}" for i in range(1, 16)]
)


def interval(value, low, high, protocol="as_written", model="gcn", metric="accuracy"):
    row = {"protocol": protocol, "model": model, "metric": metric}
    return {**row, "value": value, "low": low, "high": high}


def difference(value, low, high, first="gcn", second="mlp"):
    row = {"protocol": "subject_disjoint", "first": first, "second": second, "metric": "accuracy"}
    outcome = inference.outcome(low, high)
    return {**row, "value": value, "low": low, "high": high, "outcome": outcome}


@pytest.fixture
def build(tmp_path):
    """A small build: one chapter with glued numbers, and two result tables."""

    def make(glued=None, intervals=None, differences=None):
        notebook = nbformat.v4.new_notebook()
        outputs = [
            nbformat.v4.new_output(
                "display_data",
                {f"{PREFIX}text/plain": repr(value)},
                metadata={"scrapbook": {"name": name, "mime_prefix": PREFIX}},
            )
            for name, value in (glued or {}).items()
        ]
        notebook.cells = [nbformat.v4.new_code_cell("", outputs=outputs)]
        nbformat.write(notebook, tmp_path / "01_dataset.ipynb")
        for name, rows in {
            "intervals": intervals or [interval(0.8, 0.7, 0.9)],
            "differences": differences or [difference(-0.1, -0.2, 0.0)],
        }.items():
            pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
        return claims.read_facts([tmp_path / "01_dataset.ipynb"], tmp_path)

    return make


def entry_of(rule):
    return {
        "id": "C1", "section": "I", "claim": "c", "paper_value": "",
        "evidence": "01_dataset#subjects", "rule": rule,
    }  # fmt: skip


def verdict(facts, **rule):
    return claims.judge(facts, [entry_of(rule)])["verdict"].item()


def first_claim():
    return next(entry for entry in claims.ledger() if entry["id"] == "C001")


def test_every_claim_of_the_paper_has_an_entry():
    there = [name for entry in claims.ledger() for name in (entry["id"], *entry.get("also", []))]
    assert sorted(there) == sorted(IDS)


def test_the_ledger_can_be_read_line_by_line():
    """Short lines, and each section's entries below the one comment that heads it."""
    lines = files.shipped_path("claims.yml").read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []
    runs = [name for name, _ in itertools.groupby(claims.ledger(), lambda row: row["section"])]
    assert len(runs) == len(set(runs))
    heads = [line.removeprefix("# ") for line in lines[lines.index("") :] if line.startswith("#")]
    assert [head.removeprefix("Section ").lower() for head in heads] == [r.lower() for r in runs]


def test_every_claim_has_a_verdict_and_a_value_or_a_reason(build):
    table = claims.judge(build(), claims.ledger())
    assert table.columns.tolist() == claims.COLUMNS
    assert set(table["verdict"]) <= set(claims.VERDICTS)
    assert table["our_value"].str.len().gt(3).all()
    assert table["evidence"].str.fullmatch(r"(chapters/)?\w+\.html#[\w-]+").all()


def test_what_was_not_computed_is_not_judged(build):
    table = claims.judge(build(), claims.ledger()).set_index("id")
    assert table.loc["C040", "our_value"] == claims.ABSENT
    assert table.loc["C040", "verdict"] == claims.NOT_CHECKABLE


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.858, claims.HOLDS), (0.7899, claims.CONTRADICTED)],
)
def test_a_changed_number_changes_the_verdict(build, value, expected):
    table = claims.judge(build({"printed_matrix_accuracy": value}), claims.ledger())
    assert table.set_index("id").loc["C006", "verdict"] == expected


def test_near_and_ranges(build):
    facts = build({"x": 10.0})
    assert verdict(facts, name="near", fact="x", value=10) == claims.HOLDS
    assert verdict(facts, name="near", fact="x", value=11, approximately=1) == claims.APPROXIMATELY
    assert verdict(facts, name="near", fact="x", value=11) == claims.NOT_REPRODUCED
    assert verdict(facts, name="near", fact="x", low=5, high=10) == claims.HOLDS
    assert verdict(facts, name="near", fact="x", low=11) == claims.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (8.9, claims.NOT_REPRODUCED),
        (9.0, claims.APPROXIMATELY),
        (9.8, claims.APPROXIMATELY),
        (9.9, claims.HOLDS),
        (10.1, claims.HOLDS),
        (10.2, claims.APPROXIMATELY),
        (11.0, claims.APPROXIMATELY),
        (11.1, claims.NOT_REPRODUCED),
    ],
)
def test_tolerances_are_as_wide_as_they_say_on_both_sides(build, ours, expected):
    rule = {"value": 10, "tolerance": 0.1000001, "approximately": 1}
    assert verdict(build({"x": ours}), name="near", fact="x", **rule) == expected


@pytest.mark.parametrize("otherwise", [claims.CONTRADICTED, claims.UNSPECIFIED])
@pytest.mark.parametrize("limits", [{"value": 10, "approximately": 1}, {"low": 9, "high": 11}])
def test_what_misses_its_limits_gets_the_verdict_that_the_rule_names(build, limits, otherwise):
    rule = {"name": "near", "fact": "x", **limits, "otherwise": otherwise}
    for ours in (8.9, 11.1):
        assert verdict(build({"x": ours}), **rule) == otherwise
    for ours in (9.0, 11.0):
        assert verdict(build({"x": ours}), **rule) in (claims.HOLDS, claims.APPROXIMATELY)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (0.81, claims.HOLDS),
        (0.785, claims.HOLDS),
        (0.75, claims.UNDECIDED),  # inside the interval, far from our value
        (0.88, claims.UNDECIDED),
        (0.69, claims.NOT_REPRODUCED),
        (0.95, claims.NOT_REPRODUCED),
    ],
)
def test_printed_values_against_our_interval(build, printed, expected):
    assert compared(build(), printed) == expected


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (0.800, claims.HOLDS),
        (0.806, claims.APPROXIMATELY),  # near our value, outside the interval
        (0.794, claims.APPROXIMATELY),
        (0.821, claims.NOT_REPRODUCED),
        (0.779, claims.NOT_REPRODUCED),
    ],
)
def test_printed_values_against_a_narrow_interval(build, printed, expected):
    assert compared(build(intervals=[interval(0.8, 0.795, 0.805)]), printed) == expected


def compared(facts, printed):
    rule = {"protocol": "as_written", "models": ["gcn"], "metric": "accuracy"}
    return verdict(facts, name="in_interval", **rule, value=printed, approximately=0.02)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((0.03, 0.01, 0.05), claims.HOLDS),
        ((0.03, 0.0, 0.06), claims.UNDECIDED),
        ((0.03, -0.01, 0.07), claims.UNDECIDED),
        ((-0.03, -0.07, 0.01), claims.UNDECIDED),
        ((-0.03, -0.05, -0.01), claims.NOT_REPRODUCED),
        ((0.0, -0.01, 0.01), claims.NOT_REPRODUCED),  # equivalent
    ],
)
def test_better_is_judged_by_the_outcome(build, row, expected):
    rule = {"protocol": "subject_disjoint", "pairs": [["gcn", "mlp"]], "metric": "accuracy"}
    assert verdict(build(differences=[difference(*row)]), name="better", **rule) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (((0.03, 0.01, 0.05), (0.03, 0.01, 0.05)), claims.HOLDS),
        (((0.03, 0.01, 0.05), (0.0, -0.01, 0.01)), claims.NOT_REPRODUCED),
        (((0.03, 0.01, 0.05), (0.03, -0.01, 0.07)), claims.UNDECIDED),
        (((0.03, 0.01, 0.05), (-0.03, -0.05, -0.01)), claims.NOT_REPRODUCED),
        (((0.03, -0.01, 0.07), (-0.03, -0.05, -0.01)), claims.NOT_REPRODUCED),
        (((0.03, -0.01, 0.07), (0.0, -0.01, 0.01)), claims.NOT_REPRODUCED),
        (((0.03, -0.01, 0.07), (0.03, -0.01, 0.07)), claims.UNDECIDED),
        (((0.0, -0.01, 0.01), (0.0, -0.01, 0.01)), claims.NOT_REPRODUCED),
    ],
)
def test_of_several_pairs_all_must_be_better(build, rows, expected):
    differences = [difference(*rows[0]), difference(*rows[1], second="svm")]
    pairs = [["gcn", "mlp"], ["gcn", "svm"]]
    rule = {"protocol": "subject_disjoint", "pairs": pairs, "metric": "accuracy"}
    assert verdict(build(differences=differences), name="better", **rule) == expected


def test_of_several_models_the_best_is_compared(build):
    rows = [interval(0.8, 0.7, 0.9), interval(0.6, 0.5, 0.7, model="svm")]
    rule = {"protocol": "as_written", "metric": "accuracy", "value": 0.81, "approximately": 0.02}
    for models in (["gcn", "svm"], ["svm", "gcn"]):
        given = verdict(build(intervals=rows), name="in_interval", **rule, models=models)
        assert given == claims.HOLDS


def test_every_verdict_says_what_it_rests_on(build):
    table = claims.judge(build(), claims.ledger())
    rules = {entry["id"]: entry["rule"]["name"] for entry in claims.ledger()}
    of = table.set_index("id")["basis"]
    assert set(of) == set(claims.BASES)
    for name, basis in of.items():
        by_reason = {"read": "read", "adopted": "adopted", "future": "future work"}
        assert basis == by_reason.get(rules[name], claims.COMPUTED)


def test_a_headline_counts_only_what_is_computed(build):
    rules = [{"name": "near", "fact": "x", "value": 10}, {"name": "adopted", "reason": "so"}]
    rules += [{"name": "future", "reason": "later"}]
    rules += [{"name": "read", "verdict": claims.UNSPECIFIED, "reason": "silent"}]
    entries = [{**entry_of(rule), "id": f"C{i}"} for i, rule in enumerate(rules)]
    text = claims.sentence(claims.judge(build({"x": 10.0}), entries))
    assert text.startswith("Verdicts on 1 claim of the paper, all computed: holds 1. ")
    assert "unspecified" not in text and "1 judged by reading" in text
    assert "1 that we adopted" in text and "1 of future work" in text


def test_text_and_bounds(build):
    facts = build({"s": ".bmp", "a": 0.7, "b": 0.9})
    assert verdict(facts, name="text", fact="s", value=".bmp") == claims.HOLDS
    for other in (".jpg", "bmp", ""):
        assert verdict(facts, name="text", fact="s", value=other) == claims.NOT_REPRODUCED
    for value in (0.7, 0.8, 0.9):
        assert verdict(facts, name="inside", value=value, low="a", high="b") == claims.HOLDS
    for value in (0.69, 0.91):
        given = verdict(facts, name="inside", value=value, low="a", high="b")
        assert given == claims.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("agree", "against", "expected"),
    [
        (16, 0, claims.HOLDS),
        (15, 0, claims.APPROXIMATELY),
        (8, 0, claims.UNDECIDED),
        (0, 0, claims.UNDECIDED),
        (15, 1, claims.APPROXIMATELY),
        (9, 7, claims.APPROXIMATELY),
        (8, 1, claims.NOT_REPRODUCED),
    ],
)
def test_of_several_all_must_agree(build, agree, against, expected):
    facts = build({"n": 16, "good": agree, "bad": against})
    rule = {"name": "of_several", "good": "good", "bad": "bad"}
    for number in ("n", 16.0):
        assert verdict(facts, **rule, number=number) == expected
    silent = claims.UNSPECIFIED if against else expected
    assert verdict(facts, **rule, number="n", otherwise=claims.UNSPECIFIED) == silent
    assert verdict(facts, **rule, number=0.0) == claims.NOT_CHECKABLE, "nothing was tried"


def test_a_rule_says_its_sentence_in_place_of_the_bare_number(build):
    facts, rule = build({"x": 10.0}), {"name": "near", "fact": "x", "value": 10}
    sentence = {**rule, "says": "{x:.0f} cells, and {y:.1f}"}
    bare, said = (claims.judge(facts, [entry_of(r)])["our_value"].item() for r in (rule, sentence))
    assert bare == "10" and said == f"10 cells, and {claims.ABSENT}"


def test_a_number_that_no_chapter_glued_is_not_checkable(build):
    for rule in ({"name": "near", "value": 10}, {"name": "text", "value": "10"}):
        assert verdict(build({"x": 10.0}), **rule, fact="y") == claims.NOT_CHECKABLE
    rule = {"protocol": "as_written", "models": ["mlp"], "metric": "accuracy", "value": 0.8}
    given = verdict(build(), name="in_interval", **rule, approximately=0.02)
    assert given == claims.NOT_CHECKABLE


def test_a_missing_number_or_row_is_named(build):
    facts = build()
    with pytest.raises(claims.MissingError, match="no_such_number"):
        facts.value("no_such_number")
    with pytest.raises(claims.MissingError, match="roc_auc"):
        facts.interval("intervals", "as_written", "gcn", "roc_auc")


def test_verdicts_are_written_where_the_book_reads_them(build, tmp_path):
    build()
    written = claims.write([tmp_path / "01_dataset.ipynb"], tmp_path)
    read = pd.read_csv(tmp_path / "claims.csv", keep_default_na=False)
    assert read["verdict"].tolist() == written["verdict"].tolist()


@pytest.fixture(scope="module")
def published():
    """What the package ships of the published build: its intervals and differences."""
    tables = {
        name: pd.read_csv(files.shipped_path(f"published/{name}.csv")).set_index(index).sort_index()
        for name, index in KEYS.items()
    }
    printed = arithmetic.facts(leukemic=7272, healthy=3389)
    # Tables of before there were outcomes cannot say which of two models is better.
    older = "outcome" not in tables["differences"]
    entries = [e for e in claims.ledger() if not (older and e["rule"]["name"] == "better")]
    return claims.judge(claims.Facts(printed, **tables), entries).set_index("id")


def test_the_published_verdicts_are_those_of_the_published_numbers(published):
    """All but the claims about numbers that only the chapters know."""
    shipped = pd.read_csv(files.shipped_path("published/claims.csv"), keep_default_na=False)
    shipped = shipped.set_index("id")
    judged = published[published["our_value"] != claims.ABSENT]
    assert len(judged) > 85
    given = shipped.loc[judged.index, "verdict"]
    assert given.to_dict() == judged["verdict"].to_dict()


def test_the_ledgers_tolerances_are_those_that_it_declares():
    """0.02 for a metric; three units of the last printed digit for what the paper computes."""
    for entry in claims.ledger():
        rule = entry["rule"]
        if rule["name"] == "in_interval":
            assert rule["approximately"] == 0.02, entry["id"]
        elif rule["name"] == "near" and rule.get("value") and "accuracy" in rule["fact"]:
            assert rule.get("tolerance", 0) <= 0.0015, entry["id"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (
            {"rule": {"name": "eval"}},
            f"rule 'eval', expected one of {', '.join(claims.PREDICATES)}",
        ),
        (
            {"rule": {"name": "read", "verdict": "fine", "reason": ""}},
            f"verdict 'fine' is none of {', '.join(claims.VERDICTS)}",
        ),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, word):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([{**first_claim(), **change}]))
    with pytest.raises(InputError, match=word) as refused:
        claims.ledger(path)
    assert "C001" in str(refused.value)


def test_an_id_that_is_there_twice_is_named(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([first_claim()] * 2))
    with pytest.raises(InputError, match="C001 is there twice"):
        claims.ledger(path)


def test_unknown_arguments_of_a_rule_are_named(build):
    with pytest.raises(InputError, match=r"C1.*tolerence"):
        verdict(build({"x": 1.0}), name="near", fact="x", value=1, tolerence=2)


def test_numbers_that_are_glued_as_something_else_are_named(build, tmp_path):
    build({"x": 1.0})
    path = tmp_path / "01_dataset.ipynb"
    path.write_text(path.read_text().replace('"1.0"', '"np.float64(1.0)"'))
    with pytest.raises(InputError, match="x is glued as"):
        claims.read_facts([path], tmp_path)


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"scaling": [1], "demo": []}'])
def test_benchmarks_that_cannot_be_read_are_named(tmp_path, monkeypatch, content):
    monkeypatch.setattr(files, "project_root", lambda: tmp_path)
    (tmp_path / "benchmarks").mkdir()
    if content is not None:
        (tmp_path / "benchmarks" / "results.json").write_text(content)
    with pytest.raises(InputError, match=r"results\.json .*make bench"):
        claims.read_facts([], tmp_path)


def test_missing_tables_are_named(tmp_path):
    with pytest.raises(InputError, match="make book"):
        claims.read_facts([], tmp_path)


def test_the_papers_figures_go_by_their_names(build):
    facts = build({"x": 0.8576, "low": 0.8})
    assert verdict(facts, name="near", fact="x", value="gcn.accuracy", tolerance=0.0005) == "holds"
    assert verdict(facts, name="near", fact="gcn.f1", low="low") == claims.HOLDS
    assert facts.fill("{gcn.accuracy:.3f}, {x:.1f}") == "0.858, 0.9"
    assert facts.fill("{matrix.n:,} and {y:.1f} cells") == f"10,661 and {claims.ABSENT} cells"


@pytest.mark.parametrize(
    "change",
    [
        {"rule": {"name": "near", "fact": "x", "value": "gcn.acuracy"}},
        {"paper_value": "{gnn.accuracy}"},
    ],
)
def test_a_figure_that_the_paper_does_not_print_is_named(tmp_path, change):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([{**first_claim(), **change}]))
    with pytest.raises(InputError, match=r"C001.*is no figure of the paper"):
        claims.ledger(path)


def test_no_rule_types_a_figure_that_the_paper_module_holds():
    typed = {str(value) for row in paper.TABLE_1 for value in dataclasses.astuple(row)[1:]}
    typed |= {str(value) for value in dataclasses.astuple(paper.CONFUSION)}
    for entry in claims.ledger():
        assert not typed & {str(value) for value in entry["rule"].values()}, entry["id"]
        assert entry["paper_value"] not in typed, entry["id"]


def test_evidence_stands_in_sections_that_the_chapters_have():
    there = {
        f"chapters/{path.stem}.html#{anchor}"
        for path in chapters.chapters()
        for anchor in claims.sections(jupytext.read(path))
    }
    given = {claims.address(entry) for entry in claims.ledger()}
    assert {address for address in given if address.startswith("chapters/")} <= there


def test_rules_name_models_and_pairs_that_the_results_have():
    pairs = set(PAIRS)
    models = {model for pair in pairs for model in pair}
    for entry in claims.ledger():
        rule = entry["rule"]
        if rule["name"] == "better":
            assert {tuple(pair) for pair in rule["pairs"]} <= pairs, entry["id"]
        if rule["name"] in ("better", "in_interval"):
            assert rule["metric"] in METRICS, entry["id"]
            assert set(rule.get("models", [])) <= models, entry["id"]
            assert rule["protocol"] in ("as_written", "as_released", "subject_disjoint")


def test_the_page_has_a_row_and_an_anchor_for_each_claim(build, tmp_path):
    claims.judge(build(), claims.ledger()).to_csv(tmp_path / "claims.csv", index=False)
    parts = claims.generated(tmp_path, [])
    assert re.findall(r'<tr id="([^"]+)"', parts["claims"]) == [
        entry["id"].lower() for entry in claims.ledger()
    ]
    assert re.search(rf"\| all \|.* {len(claims.ledger())} \|", parts["verdicts"])
    for entry in claims.ledger():
        for name in entry.get("also", []):
            assert f'<span id="{name.lower()}"></span>' in parts["claims"]
        if "also" in entry:
            assert f"<small>with {', '.join(entry['also'])}</small>" in parts["claims"]
    cited = [entry for entry in claims.ledger() if entry["section"] == "References"]
    assert cited and parts["references"].count("\n| ") == len(cited) + 2  # with its head
    for end in ("select", "label", "table"):
        assert parts["claims"].count(f"</{end}>") == parts["claims"].count(f"<{end}") > 0
    reviews = json.loads(re.search(r'ld\+json">(.*?)</script>', parts["claims"]).group(1))
    assert {review["@type"] for review in reviews} == {"ClaimReview"}
    assert len(reviews) == parts["claims"].count('data-basis="computed"')


def test_a_computed_verdict_is_a_claim_review(build, tmp_path):
    table = claims.judge(build({"x": 1.0}), [entry_of({"name": "near", "fact": "x", "value": 1})])
    table.assign(claim="a < b").to_csv(tmp_path / "claims.csv", index=False)
    script = re.search(r'ld\+json">(.*?)</script>', claims.generated(tmp_path, [])["claims"])
    assert "<" not in script.group(1), "no claim may end the script"
    (review,) = json.loads(script.group(1))
    assert review == {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": "claims.html#c1",
        "claimReviewed": "a < b",
        "itemReviewed": {
            "@type": "Claim",
            "appearance": {"@type": "ScholarlyArticle", "name": paper.TITLE},
        },
        "author": {"@type": "Organization", "name": "leukgnn"},
        "reviewRating": {"@type": "Rating", "alternateName": "holds"},
    }


@pytest.fixture
def chapter(tmp_path):
    """An executed chapter with two sections, one of which a code block only seems to have."""
    notebook = nbformat.v4.new_notebook()
    text = "# Dataset\n\n## Names: the trap of `UID_h3`\n\n```\n# no title\n```\n\n## Subjects\n"
    notebook.cells = [nbformat.v4.new_markdown_cell(text)]
    path = tmp_path / "01_dataset.ipynb"
    nbformat.write(notebook, path)
    return path


def table_of(evidence):
    row = dict.fromkeys(claims.COLUMNS, "x") | {"id": "C025", "claim": "a < b", "verdict": "holds"}
    return pd.DataFrame([{**row, "evidence": evidence}])


def test_chapters_list_the_claims_they_are_evidence_for(chapter):
    text = claims.evidence_in(chapter, table_of("chapters/01_dataset.html#subjects"))
    assert '- <a href="#subjects">Subjects</a>\n    - <a href="../claims.html#c025">C025' in text
    assert "a &lt; b: *holds*" in text and "Names" not in text
    other = claims.evidence_in(chapter, table_of("chapters/04_graph.html#building-it"))
    assert other == "No claim has its evidence on this page.\n"


def test_sections_have_the_anchors_of_the_book(chapter):
    assert claims.sections(nbformat.read(chapter, as_version=4)) == {
        "dataset": "Dataset",
        "names-the-trap-of-uid-h3": "Names: the trap of UID_h3",
        "subjects": "Subjects",
    }


def test_evidence_in_a_section_that_is_not_there_is_named(chapter):
    with pytest.raises(InputError, match=r"C025.*'folds'.*subjects"):
        claims.evidence_in(chapter, table_of("chapters/01_dataset.html#folds"))
