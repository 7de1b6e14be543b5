"""The ledger is whole, and a verdict follows the numbers."""

import re

import nbformat
import pandas as pd
import pytest
import yaml

from leukgnn import claims, claims_page
from leukgnn.files import InputError

PREFIX = "application/papermill.record/"
IDS = (
    [f"C{i:03d}" for i in range(1, 124)] + ["C036b", "C072b"] + [f"R{i:02d}" for i in range(1, 16)]
)


def interval(value, low, high, protocol="as_written", model="gcn", metric="accuracy"):
    row = {"protocol": protocol, "model": model, "metric": metric}
    return {**row, "value": value, "low": low, "high": high}


def difference(value, low, high):
    row = {"protocol": "subject_disjoint", "first": "gcn", "second": "mlp", "metric": "accuracy"}
    return {**row, "value": value, "low": low, "high": high}


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
        return claims.read_facts(tmp_path, tmp_path)

    return make


def verdict(facts, **rule):
    entry = {
        "id": "C1", "section": "I", "claim": "c", "paper_value": "", "kind": "experiment",
        "evidence": "01_dataset#subjects", "rule": rule,
    }  # fmt: skip
    return claims.judge(facts, [entry])["verdict"].item()


def test_every_claim_of_the_paper_has_an_entry():
    assert sorted(entry["id"] for entry in claims.ledger()) == sorted(IDS)


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
    ("printed", "expected"),
    [
        (0.81, claims.HOLDS),
        (0.88, claims.APPROXIMATELY),  # inside the interval, far from our value
        (0.95, claims.NOT_REPRODUCED),
    ],
)
def test_printed_values_against_our_interval(build, printed, expected):
    rule = {"protocol": "as_written", "model": "gcn", "metric": "accuracy"}
    given = verdict(build(), name="in_interval", **rule, value=printed, approximately=0.02)
    assert given == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((0.03, 0.01, 0.05), claims.HOLDS),
        ((0.03, -0.01, 0.07), claims.NOT_REPRODUCED),
        ((-0.03, -0.05, -0.01), claims.NOT_REPRODUCED),
    ],
)
def test_better_needs_the_whole_interval(build, row, expected):
    rule = {"protocol": "subject_disjoint", "first": "gcn", "second": "mlp", "metric": "accuracy"}
    assert verdict(build(differences=[difference(*row)]), name="better", **rule) == expected


def test_text_and_bounds(build):
    facts = build({"s": ".bmp", "a": 0.7, "b": 0.9})
    assert verdict(facts, name="text", fact="s", value=".bmp") == claims.HOLDS
    assert verdict(facts, name="text", fact="s", value=".jpg") == claims.NOT_REPRODUCED
    assert verdict(facts, name="inside", value=0.8, low="a", high="b") == claims.HOLDS
    assert verdict(facts, name="inside", value=0.95, low="a", high="b") == claims.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": "guess"}, "kind 'guess'"),
        ({"rule": {"name": "eval"}}, "rule 'eval'"),
        ({"rule": {"name": "fixed", "verdict": "fine", "reason": ""}}, "verdict 'fine'"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, word):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([{**claims.ledger()[0], **change}]))
    with pytest.raises(InputError, match=word) as told:
        claims.ledger(path)
    assert "C001" in str(told.value)


def test_an_id_that_is_there_twice_is_named(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump(claims.ledger()[:1] * 2))
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
        claims.read_facts(tmp_path, tmp_path)


def test_missing_tables_are_named(tmp_path):
    with pytest.raises(InputError, match="make book"):
        claims.read_facts(tmp_path, tmp_path)


def test_the_page_has_a_row_and_an_anchor_for_each_claim(build, tmp_path):
    claims.judge(build(), claims.ledger()).to_csv(tmp_path / "claims.csv", index=False)
    parts = claims_page.generated(tmp_path)
    assert re.findall(r'<tr id="([^"]+)"', parts["claims"]) == [
        entry["id"].lower() for entry in claims.ledger()
    ]
    assert f"| all | {len(IDS)} |" in parts["verdicts"]


def test_chapters_list_the_claims_they_are_evidence_for():
    told = claims_page.evidence_in("01_dataset")
    assert '<a href="../claims.html#c025">C025</a>' in told
    assert "C088" not in told
