"""How a build's runs and tables become the published ones."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from leukgnn import files
from leukgnn.book import chapters
from leukgnn.book.published import COMPARED, FOLDER, PROFILE, PROVENANCE
from leukgnn.evaluation import DRAWS
from leukgnn.experiments import Plan, Store
from leukgnn.experiments.store import (
    PUBLISHED,
    Maker,
    published_makers,
    published_runs,
    write_published,
)
from leukgnn.features import shipped_features
from leukgnn.files import InputError
from leukgnn.text import counted


def publish(notebooks: Path, results: Path, store: Store) -> None:
    """Keep a build's runs and result tables as the published ones, with where they come from.

    Runs that this machine did not compute stay as they were published.

    Parameters
    ----------
    notebooks : Path
        Folder of the executed chapters.
    results : Path
        Folder of the build's tables.
    store : Store
        Where the build's runs are.

    Raises
    ------
    InputError
        When a chapter, table or run is missing, or something was not computed from a commit
        without changes.
    """
    executed = {path.stem: chapters.metadata(path) for path in sorted(notebooks.glob("*.ipynb"))}
    for path in (notebooks, *(results / name for name in COMPARED)):
        if not path.exists():
            raise InputError(f"{path} is missing: run `make book PROFILE={PROFILE}` first.")
    commit = _only_commit(metadata["provenance"]["commit"] for metadata in executed.values())
    plan = Plan.of(shipped_features(), PROFILE)
    groups = {name: {a.run.key: a.run for a in asked} for name, asked in plan.groups().items()}
    runs = {key: run for group in groups.values() for key, run in group.items()}
    own = {key for key, run in runs.items() if store.read_own(run) is not None}
    missing = [run.name for key, run in runs.items() if key not in own | set(published_runs())]
    if missing:
        raise InputError(f"{counted(len(missing), 'run')} missing, such as {missing[0]}.")
    makers = published_makers() | {key: _maker(store.provenance(runs[key])) for key in own}
    _check_clean({makers[key]["commit"] for key in own})
    values = {
        key: (run.description, store.get(run) if key in own else published_runs()[key])
        for key, run in runs.items()
    }
    kept: set[str] = set()
    for name, group in groups.items():
        part = {key: values[key] for key in group if key not in kept}
        write_published(PUBLISHED / f"{name}.parquet", part, makers)
        kept |= set(part)
    for name in COMPARED:
        with files.atomic_path(FOLDER / name) as temporary:
            temporary.write_bytes((results / name).read_bytes())
    seconds = sum(metadata["seconds"] for metadata in executed.values())
    files.write_json(
        FOLDER / PROVENANCE,
        {
            **{key: v for key, v in files.provenance().items() if key != "threads"},
            "commit": commit,
            "runs": {"number": len(runs), "made": _counted(makers[key] for key in runs)},
            "seeds": plan.seeds,
            "partitions": plan.partitions,
            "draws": DRAWS,
            "chapters": {name: round(m["seconds"], 1) for name, m in executed.items()},
            "seconds": round(seconds, 1),
        },
    )


def _maker(origin: Mapping[str, Any]) -> Maker:
    """Who computed a run: commit, processor, Python and torch."""
    libraries = origin["libraries"]
    return {
        **{key: origin[key] for key in ("commit", "processor", "python")},
        "torch": libraries["torch"],
    }


def _counted(makers: Iterable[Maker]) -> list[dict[str, Any]]:
    """Makers with the number of runs that each made, most first."""
    numbers = Counter(tuple(sorted(maker.items())) for maker in makers)
    return [{"number": number, **dict(maker)} for maker, number in numbers.most_common()]


def _only_commit(found: Iterable[str]) -> str:
    """Commit of everything computed; raise InputError unless it is one without changes."""
    commits = set(found)
    if len(commits) > 1:
        raise InputError(
            f"the chapters come from {', '.join(sorted(commits))}: expected one commit; run "
            "`make clean` and build again."
        )
    _check_clean(commits)
    return commits.pop() if commits else ""


def _check_clean(commits: set[str]) -> None:
    """Raise InputError unless every commit is known and without changes.

    Runs may come from several: each is published with its own.
    """
    for commit in sorted(commits):
        if commit == "unknown" or commit.endswith("+"):
            raise InputError(
                f"what is to be published comes from {commit}: expected a commit without changes; "
                "commit, run `make clean` and build again."
            )
