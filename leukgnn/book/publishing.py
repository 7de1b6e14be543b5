"""How a full build's runs and tables become the published ones."""

from pathlib import Path
from typing import Any

from leukgnn import files
from leukgnn.book import chapters
from leukgnn.book.published import FOLDER, PROFILE, PROVENANCE, TABLES
from leukgnn.evaluation import DRAWS
from leukgnn.experiments import Plan, Store
from leukgnn.experiments.store import PUBLISHED, write_published
from leukgnn.features import shipped_features
from leukgnn.files import InputError
from leukgnn.text import counted


def publish(notebooks: Path, results: Path, store: Store) -> None:
    """Keep a full build's runs and result tables as the published ones, with where they come from.

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
        When a chapter, table or run is missing, or something was not computed in the full profile
        from a commit without changes.
    """
    executed = {path.stem: chapters.metadata(path) for path in sorted(notebooks.glob("*.ipynb"))}
    for path in (notebooks, *(results / name for name in TABLES)):
        if not path.exists():
            raise InputError(f"{path} is missing: run `make book PROFILE={PROFILE}` first.")
    for name, metadata in executed.items():
        if metadata["parameters"].get("profile") != PROFILE:
            raise InputError(
                f"chapter {name} was not executed in the {PROFILE} profile: run `make clean` and "
                f"`make book PROFILE={PROFILE}` first."
            )
    commit = _only_commit(metadata["provenance"] for metadata in executed.values())
    plan = Plan.of(shipped_features(), PROFILE)
    groups = {name: {a.run.key: a.run for a in asked} for name, asked in plan.groups().items()}
    runs = {key: run for group in groups.values() for key, run in group.items()}
    missing = [run.name for run in runs.values() if store.read_own(run) is None]
    if missing:
        raise InputError(f"{counted(len(missing), 'run')} missing, such as {missing[0]}.")
    origins = [store.provenance(run) for run in runs.values()]
    computed_by = _only_commit(origins)
    kept: set[str] = set()
    for name, group in groups.items():
        own = {key: run for key, run in group.items() if key not in kept}
        values = {key: (run.description, store.get(run)) for key, run in own.items()}
        write_published(PUBLISHED / f"{name}.parquet", values)
        kept |= set(own)
    for name in TABLES:
        with files.atomic_path(FOLDER / name) as temporary:
            temporary.write_bytes((results / name).read_bytes())
    origin = {key: value for key, value in origins[0].items() if key not in ("threads", "commit")}
    seconds = sum(metadata["seconds"] for metadata in executed.values())
    files.write_json(
        FOLDER / PROVENANCE,
        {
            "command": f"make book PROFILE={PROFILE}",
            **origin,
            "commit": commit,
            "runs": {"number": len(runs), "commit": computed_by},
            "seeds": plan.seeds,
            "partitions": plan.partitions,
            "draws": DRAWS,
            "chapters": {name: round(m["seconds"], 1) for name, m in executed.items()},
            "seconds": round(seconds, 1),
        },
    )


def _only_commit(origins: Any) -> str:
    """Commit of everything computed; raise InputError unless it is one without changes."""
    commits = {origin["commit"] for origin in origins}
    if len(commits) != 1 or commits & {"unknown"} or next(iter(commits)).endswith("+"):
        raise InputError(
            f"what is to be published comes from {', '.join(sorted(commits)) or 'no commit'}: "
            "expected one commit without changes; commit, run `make clean` and build again."
        )
    return str(commits.pop())
