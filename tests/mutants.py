"""Mutate the rooms that carry the science, and see which mutants their own tests kill.

`python -m tests.mutants` draws mutants of every room, those that mutmut makes of its functions, and
writes `benchmarks/mutants.csv`: what each changes, and the test of its room that fails on it, or
why none can (`mutants.yml`, written by hand). The environment page shows the score of every room.
Words after it choose rooms. What was killed is not tried again: for a new score begin without the
file.
"""

import difflib
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from mutmut.mutation.file_mutation import create_mutations

from tests.planted import (  # not leukgnn: the copies' own is imported
    ROOT,
    copied,
    failure,
    noticed_by,
)

ROOMS = ("claims", "evaluation", "experiments", "graphs", "networks")
DRAWN = 60  # of each room
SEED = 1  # what seed 0 drew showed what the tests lacked, and they were mended after it
TARGET = ROOT / "benchmarks" / "mutants.csv"
SLOWER = 3  # times as long as without a mutant: it will not end


@dataclass(frozen=True)
class Mutant:
    """A file of the package with one change in it."""

    file: str
    line: int
    old: str
    new: str
    text: str


def drawn(room: str) -> tuple[list[Mutant], int]:
    """Some mutants of a room, and how many it has: those within functions, as mutmut has them."""
    everything = [
        (path, module, mutation)
        for path in sorted((ROOT / "leukgnn" / room).glob("*.py"))
        for module, mutations, *_ in [create_mutations(path.name, path.read_text("utf-8"))]
        for mutation in mutations
        if mutation.contained_by_top_level_function is not None
    ]
    chosen = []
    for path, module, mutation in random.Random(SEED).sample(everything, DRAWN):
        text = module.deep_replace(mutation.original_node, mutation.mutated_node).code
        file = str(path.relative_to(ROOT))
        chosen.append(Mutant(file, *changed(module.code, text), text))
    return chosen, len(everything)


def changed(right: str, wrong: str) -> tuple[int, str, str]:
    """First line of a change, counted from 1, and its lines before and after."""
    a, b = right.splitlines(), wrong.splitlines()
    opcodes = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    parts = [part for part in opcodes if part[0] != "equal"]
    first, last = parts[0], parts[-1]
    old, new = (" ".join(line.strip() for line in lines) for lines in (
        a[first[1] : last[2]], b[first[3] : last[4]]
    ))  # fmt: skip
    return first[1] + 1, old, new


def room_tests(file: str) -> str:
    """Tests of a file's room; those that bear the file's name first."""
    room, stem = Path(file).parts[1], Path(file).stem
    own = ROOT / "tests" / room / f"test_{stem}.py"
    first = [str(own.relative_to(ROOT))] if own.is_file() else []
    return " ".join([*first, f"tests/{room}"])


def main(rooms: list[str]) -> int:
    """Try mutants of these rooms, or of all; 1 when a room's tests fail without any."""
    rows = pd.read_csv(TARGET, keep_default_na=False).to_dict("records") if TARGET.exists() else []
    reasons = yaml.safe_load((ROOT / "tests" / "mutants.yml").read_text(encoding="utf-8"))
    commit = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], text=True).strip()
    with copied() as folder:
        for room in rooms or ROOMS:
            begun = time.monotonic()
            if failed := failure(f"tests/{room}", folder):
                sys.exit(f"{failed} fails without any mutant: mend that first.")
            limit = SLOWER * round(time.monotonic() - begun) + 10
            chosen, of = drawn(room)
            face, tests = f"leukgnn/{room}/__init__.py", f"tests/{room}"
            if not noticed_by(face, "raise RuntimeError", tests, folder, limit):
                sys.exit(f"{room}: its tests do not import the copy.")
            known = {(row["file"], row["new"]): row for row in rows if row["killed_by"]}
            rows = [row for row in rows if row["room"] != room]
            for mutant in chosen:
                file, old, new = mutant.file, mutant.old, mutant.new
                row = known.get((file, new)) or {
                    "killed_by": noticed_by(file, mutant.text, room_tests(file), folder, limit),
                    "commit": commit,
                }
                reason = reasons.get(file, {}).get(new, "")
                where = {"room": room, "of": of, "file": file, "line": mutant.line}
                rows.append({**row, **where, "old": old, "new": new, "reason": reason})
                print(f"{file}:{mutant.line}: {row['killed_by'] or 'SURVIVED'}", flush=True)
                temporary = TARGET.with_suffix(".part")
                pd.DataFrame(rows).to_csv(temporary, index=False)
                temporary.replace(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
