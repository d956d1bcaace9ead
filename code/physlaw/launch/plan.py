"""What `physlaw launch` would do: a study's cells, where they run, and which of them are still to run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, List

from physlaw.config import CellConfig
from physlaw.errors import UserError, unknown
from physlaw.files import read_json, visible
from physlaw.launch.cells import compose_cells, study_words
from physlaw.launch.config import LaunchConfig
from physlaw.launch.estimate import gpu_hours
from physlaw.launch.limits import Limits
from physlaw.launch.resources import arrays_of, shape_of, shape_text
from physlaw.launch.site import read_site
from physlaw.lease import holder
from physlaw.profiles import configs_folder
from physlaw.schema import read_record
from physlaw.words import build, merged, pairs_of, split


@dataclass
class Plan:
    """What is launched: cells with the words that compose them, and where."""

    launch: LaunchConfig
    words: list[list[str]]
    cells: list[CellConfig]

    @property
    def folder(self) -> Path:
        """Manifest and job files: <runs>/<study>/<table>/launch."""
        return self.cells[0].folder.parent / "launch"


def plan_of(words: List[str]) -> Plan:
    """Read the words of `physlaw launch`: launch's own, cluster=NAME and cluster.KEY=VALUE, and those of cells.

    Raises:
        UserError: unknown key or value (lists the valid ones).
    """
    mine, rest = split(LaunchConfig, words)
    given = pairs_of(mine)
    name = given.pop("cluster", "local")
    sites = configs_folder() / "cluster"
    known = [path.stem for path in visible(sites, "*.yaml")]
    if name not in known:
        raise unknown("cluster", name, known)
    site = {"cluster": read_site(sites / f"{name}.yaml")}
    launch = build(LaunchConfig, merged(site, LaunchConfig, given))
    if launch.container is not None:
        launch = replace(launch, cluster=replace(launch.cluster, container=launch.container))
    if launch.seeds is not None:
        rest.append(f"grid.seeds={list(range(launch.seeds))}")
    every = study_words(rest)
    cells = compose_cells(every)
    bind, cluster = Path(cells[0].runs).resolve(), launch.cluster
    contained = cluster.kind == "slurm" and cluster.container and "{bind}" in cluster.container_command
    if contained and set(str(bind)) & {",", ":"}:
        raise UserError(f"a container's --bind takes no comma and no colon in a path, got runs={bind}")
    return Plan(launch, every, cells)


def is_finished(cell: CellConfig) -> bool:
    """The cell's results are there, from this configuration."""
    folder = cell.folder
    card = folder / "provenance.json"
    if not ((folder / "rows.csv").is_file() and (folder / "evaluation.json").is_file() and card.is_file()):
        return False
    return bool(read_record(card).get("config_digest") == cell.digest())


def is_worked_on(cell: CellConfig, queue: dict[str, tuple[str, str]]) -> bool:
    """A process holds the cell that no launch knows of: by hand, or by slurm/grid.sbatch.

    A job that was killed on another node keeps its lease for some minutes; the next one waits for it to run out.
    """
    worker = holder(cell.folder)
    return worker is not None and (worker.job is None or worker.job in queue)


def cells_to_run(plan: Plan, queue: dict[str, tuple[str, str]]) -> list[CellConfig]:
    """The cells that are neither finished, nor in the queue, nor worked on."""
    in_queue = {name for name, known in read_manifest(plan.folder)["cells"].items() if known["job"] in queue}
    return [c for c in plan.cells if not (c.name in in_queue or is_finished(c) or is_worked_on(c, queue))]


def read_manifest(folder: Path) -> dict[str, Any]:
    """What has been submitted: {"cells": {name: {"job", "log", "after", ...}}, "prepare": {name: {...}}}."""
    path = folder / "manifest.json"
    if not path.is_file():
        return {"cells": {}, "prepare": {}}
    found = read_json(path)
    if not (
        isinstance(found, dict) and isinstance(found.get("cells"), dict) and isinstance(found.get("prepare"), dict)
    ):
        raise UserError(f"{path}: not what launch writes; without it, launch takes all of its jobs for gone")
    return found


def describe_plan(plan: Plan, waiting: list[CellConfig], limits: Limits, over: int = 0) -> Iterator[str]:
    """One line per cell, starting with its name, then the sums; `waiting` are the cells to run, the last `over` of them
    not now."""
    cluster, total, to_run = plan.launch.cluster, 0.0, {cell.name for cell in waiting}
    for cell in plan.cells:
        shape, hours = shape_of(cell, cluster), gpu_hours(cell, cluster)
        state = "to run" if cell.name in to_run else "finished" if is_finished(cell) else "in the queue or being run"
        cores = shape["nodes"] * shape["tasks"] * shape["cpus_per_gpu"]
        cost = f"{hours:.3g} GPU-hours" if shape["gpus"] else f"{cores} cores"
        total += hours if cell.name in to_run else 0.0
        yield f"{cell.name}: {state}; {shape_text(shape)}, {shape['time_min']} min a segment, {cost}"
    arrays = arrays_of(waiting[: len(waiting) - over], cluster, limits.array)
    sizes = ", ".join(f"{len(group)} tasks" for _, group in arrays) or "none"
    seeds = len({cell.seed for cell in plan.cells})
    yield f"cells: {len(plan.cells)}, {len(waiting)} to run, {seeds} seed(s); arrays: {len(arrays)} ({sizes})"
    if over:
        yield f"{over} of them are over the limit of {limits.submit} jobs in the queue; the next launch submits them"
    if cluster.gpus:
        shares = {cluster.mfu_per_model.get(cell.model.name, cluster.mfu) for cell in plan.cells}
        assumed = " to ".join(f"{100 * share:.0f}" for share in sorted({min(shares), max(shares)}))
        yield (
            f"training alone: {total:.3g} GPU-hours to run, {total / max(seeds, 1):.3g} per seed, at {assumed} % "
            f"of {cluster.peak_tflops:g} TFLOP/s (an assumption, not a measurement); tokenizer, latents and "
            "evaluation not counted"
        )
