"""`physlaw launch`: a study's unfinished cells as jobs. Runs on a login node without torch or numpy."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from physlaw.config import CellConfig, build, check_keys, configs_folder
from physlaw.errors import UserError, unknown
from physlaw.files import read_json, write_json
from physlaw.launch.cells import compose_cells, study_words
from physlaw.launch.config import ClusterConfig, LaunchConfig
from physlaw.launch.estimate import gpu_hours
from physlaw.launch.job import SIGNAL, SIGNAL_VARIABLE, CellJob
from physlaw.launch.queue import jobs_in_queue
from physlaw.launch.snapshot import snapshot
from physlaw.lease import holder, leased

NO_TIMEOUT_LIMIT = 1_000_000  # submitit gives a job up after this many


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


def plan_of(words: list[str]) -> Plan:
    """Read the words of `physlaw launch`: launch's own, cluster=NAME and cluster.KEY=VALUE, and those of cells.

    Raises:
        UserError: unknown key or value (lists the valid ones).
    """
    from omegaconf import OmegaConf

    own = {"dry_run", "seeds", "container", "cluster"}
    mine = [w for w in words if w.partition("=")[0] in own or w.startswith("cluster.")]
    rest = [w for w in words if w not in mine]
    names = [w.partition("=")[2] for w in mine if w.startswith("cluster=")]
    name = names[-1] if names else "local"
    sites = sorted(path.stem for path in (configs_folder() / "cluster").glob("*.yaml"))
    if name not in sites:
        raise unknown("cluster", name, sites)
    mine = [w for w in mine if not w.startswith("cluster=")]
    check_keys(mine, LaunchConfig)
    site = {"cluster": OmegaConf.load(configs_folder() / "cluster" / f"{name}.yaml")}
    launch = build(LaunchConfig, OmegaConf.merge(site, OmegaConf.from_dotlist(mine)))
    if launch.container is not None:
        launch = replace(launch, cluster=replace(launch.cluster, container=launch.container))
    if launch.seeds is not None:
        if launch.seeds < 1:
            raise UserError(f"seeds must be at least 1, got {launch.seeds}")
        rest.append(f"grid.seeds={list(range(launch.seeds))}".replace(" ", ""))
    every = study_words(rest)
    return Plan(launch, every, compose_cells(every))


def is_finished(cell: CellConfig) -> bool:
    """The cell's results are there, from this configuration."""
    card = cell.folder / "provenance.json"
    if not ((cell.folder / "rows.csv").is_file() and (cell.folder / "evaluation.json").is_file() and card.is_file()):
        return False
    return bool(read_json(card).get("config_digest") == cell.digest())


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
    return dict(read_json(path)) if path.is_file() else {"cells": {}, "prepare": {}}


def shape_of(cell: CellConfig, cluster: ClusterConfig) -> dict[str, Any]:
    """The resources that a cell asks for; cells of one array ask for the same."""
    asked = {key: getattr(cluster, key) for key in ("gpus", "tasks", "cpus_per_gpu", "mem_gb", "time_min")}
    asked.update(cluster.per_model.get(cell.model.name, {}))
    return {**asked, "tasks": asked["tasks"] or max(asked["gpus"], 1)}


def describe_plan(plan: Plan, waiting: list[CellConfig]) -> Iterator[str]:
    """One line per cell, starting with its name, then the sums; `waiting` are the cells to run."""
    cluster, total = plan.launch.cluster, 0.0
    for cell in plan.cells:
        shape, hours = shape_of(cell, cluster), gpu_hours(cell, cluster)
        state = "to run" if cell in waiting else "finished" if is_finished(cell) else "in the queue or being run"
        cost = f"{hours:.3g} GPU-hours" if shape["gpus"] else f"{shape['tasks'] * shape['cpus_per_gpu']} cores"
        total += hours if cell in waiting else 0.0
        yield (
            f"{cell.name}: {state}; {shape['gpus']} GPUs, {shape['mem_gb']} GB, {shape['time_min']} min a segment, "
            f"{cost}"
        )
    arrays = _arrays(waiting, cluster)
    sizes = ", ".join(f"{len(group)} tasks" for _, group in arrays) or "none"
    seeds = len({cell.seed for cell in plan.cells})
    yield f"cells: {len(plan.cells)}, {len(waiting)} to run, {seeds} seed(s); arrays: {len(arrays)} ({sizes})"
    if cluster.gpus:
        shares = {cluster.mfu_per_model.get(cell.model.name, cluster.mfu) for cell in plan.cells}
        assumed = " to ".join(f"{100 * share:.0f}" for share in sorted({min(shares), max(shares)}))
        yield (
            f"training alone: {total:.3g} GPU-hours to run, {total / max(seeds, 1):.3g} per seed, at {assumed} % "
            f"of {cluster.peak_tflops:g} TFLOP/s (an assumption, not a measurement); tokenizer, latents and "
            "evaluation not counted"
        )


def _arrays(cells: list[CellConfig], cluster: ClusterConfig) -> list[tuple[dict[str, Any], list[CellConfig]]]:
    """Cells by resource shape, split below the site's limit."""
    groups: dict[str, tuple[dict[str, Any], list[CellConfig]]] = {}
    for cell in cells:
        shape = shape_of(cell, cluster)
        groups.setdefault(repr(sorted(shape.items())), (shape, []))[1].append(cell)
    most = cluster.max_array_size
    return [
        (shape, group[start : start + most]) for shape, group in groups.values() for start in range(0, len(group), most)
    ]


def launch(words: list[str]) -> int:
    """Launch the cells that are neither finished nor in the queue; returns how many."""
    plan = plan_of(words)
    cluster = plan.launch.cluster
    if plan.launch.dry_run:
        queue: dict[str, tuple[str, str]] = {}
        if read_manifest(plan.folder)["cells"]:
            with suppress(UserError):  # a machine without SLURM can plan too
                queue = jobs_in_queue()
        for line in describe_plan(plan, cells_to_run(plan, queue)):
            print(line)
        return 0
    if cluster.kind != "slurm":
        from physlaw.reproduce import run_cells

        waiting = [cell for cell in plan.cells if not is_finished(cell)]
        print(f"{len(plan.cells)} cells, {len(waiting)} to run")
        if waiting:
            run_cells(waiting, 1 if cluster.kind == "debug" else None)
        return len(waiting)
    with leased(plan.folder, "another launch of this study", patience_s=60.0):
        return _submit(plan)


def _submit(plan: Plan) -> int:
    manifest, queue = read_manifest(plan.folder), jobs_in_queue()
    waiting = cells_to_run(plan, queue)
    for line in describe_plan(plan, waiting):
        print(line)
    if not waiting:
        return 0
    cluster = plan.launch.cluster
    code = snapshot(Path(plan.cells[0].runs) / "snapshots")
    words = {cell.name: cell_words for cell, cell_words in zip(plan.cells, plan.words)}
    for shape, group in _arrays(waiting, cluster):
        dependencies = _submit_tokenizers(plan, group, words, code, manifest, queue)
        jobs = [_job(plan, "run", cell, words[cell.name], code) for cell in group]
        for cell, job in zip(group, jobs):
            job.environment["PHYSLAW_EXPECT_CONFIG"] = cell.digest()
        executor = _executor(plan, shape, f"physlaw-{plan.cells[0].study}", dependencies, code)
        submitted = _submit_all(executor, jobs)
        for cell, job, number in zip(group, jobs, submitted):
            manifest["cells"][cell.name] = {
                "job": number,
                "log": job.log,
                "submitted": time.strftime("%Y-%m-%dT%H:%M:%S"),
                "snapshot": str(code),
                "after": dependencies,
                **shape,
            }
        # After every array: a launch that dies here has submitted nothing that it does not know of.
        write_json(plan.folder / "manifest.json", {**manifest, "cluster": asdict(cluster)})
    print(f"submitted {len(waiting)} cells; physlaw status shows how they do", file=sys.stderr)
    return len(waiting)


def _submit_all(executor: Any, jobs: list[CellJob]) -> list[str]:
    """One array (a single job where there is one), as SLURM's job numbers."""
    with executor.batch():
        submitted = [executor.submit(job) for job in jobs]
    return [str(job.job_id) for job in submitted]


def _submit_tokenizers(
    plan: Plan,
    group: list[CellConfig],
    words: dict[str, list[str]],
    code: Path,
    manifest: dict[str, Any],
    queue: dict[str, tuple[str, str]],
) -> list[str]:
    """A job for every tokenizer that is still to be trained, with the latents of every training set after it; returns
    the jobs that the cells must wait for."""
    wait_for, seen = [], set()
    for cell in group:
        if cell.tokenizer.kind != "vae":
            continue
        tokenizer = cell.tokenizer_run()[1]
        stages = [("tokenizer", tokenizer.name), ("latents", f"{tokenizer.name}-{cell.scenario}-n{cell.size}")]
        before: list[str] = []
        for stage, name in stages:
            key = f"{stage} {name}"
            known = manifest["prepare"].get(key)
            if stage == "tokenizer" and (tokenizer / "card.json").is_file():
                continue
            if key not in seen and not (known and known["job"] in queue):
                job = _job(plan, f"prepare stage={stage}", cell, words[cell.name], code)
                job.log = str((plan.folder / f"{stage}-{name}.log").resolve())
                shape = shape_of(cell, plan.launch.cluster)
                if stage == "latents":  # one process encodes
                    shape.update(gpus=min(shape["gpus"], 1), tasks=1)
                    job.environment["PHYSLAW_EXPECT_GPUS"] = str(shape["gpus"])
                executor = _executor(plan, shape, f"physlaw-{stage}", before, code)
                known = {"job": _submit_all(executor, [job])[0], "log": job.log, "after": before}
                manifest["prepare"][key] = known
                write_json(plan.folder / "manifest.json", manifest)
            seen.add(key)
            assert known is not None
            before = [known["job"]]
        wait_for += [job for job in before if job not in wait_for]
    return wait_for


def _job(plan: Plan, verb: str, cell: CellConfig, words: list[str], code: Path) -> CellJob:
    cluster, runs = plan.launch.cluster, Path(cell.runs).resolve()
    words = [*verb.split(), *(w for w in words if not w.startswith("runs=")), f"runs={runs}"]
    if cluster.scratch:
        words.append(f"scratch={cluster.scratch}")
    environment = {"PHYSLAW_PLAIN_PROGRESS": "1", "PHYSLAW_EXPECT_GPUS": str(shape_of(cell, cluster)["gpus"])}
    if cluster.container:
        image = Path(cluster.container).resolve()
        prefix = shlex.split(cluster.container_command.format(bind=runs, image=image))
        command = [*prefix, "physlaw", *words]
        environment["PYTHONPATH"] = ""  # the supervisor's; the image has code of its own
    else:
        command = [cluster.python, "-m", "physlaw", *words]
        environment.update(PYTHONPATH=str(code / "code"), PHYSLAW_CONFIGS=str(code / "configs"))
    return CellJob(command, str((cell.folder / "log.txt").resolve()), environment)


def _executor(plan: Plan, shape: dict[str, Any], name: str, after: list[str], code: Path) -> Any:
    """A submitit executor that asks SLURM for these resources; its jobs' supervisors run from the snapshot too."""
    os.environ.setdefault(SIGNAL_VARIABLE, SIGNAL)  # before the import
    import submitit

    cluster = plan.launch.cluster
    try:
        executor = submitit.SlurmExecutor(plan.folder / "jobs", max_num_timeout=NO_TIMEOUT_LIMIT)
    except RuntimeError as error:
        raise UserError(f"{error}; use cluster=local where there is no SLURM") from None
    additional: dict[str, Any] = {**cluster.additional, "requeue": True, "open-mode": "append"}
    if after:
        additional.update({"dependency": "afterok:" + ":".join(after), "kill-on-invalid-dep": "yes"})
    gpus = shape["gpus"]
    asked: dict[str, Any] = {
        "job_name": name,
        "partition": cluster.partition,
        "account": cluster.account,
        "qos": cluster.qos,
        "constraint": cluster.constraint,
        "time": shape["time_min"],
        "mem": f"{shape['mem_gb']}GB",
        "nodes": 1,
        "ntasks_per_node": shape["tasks"],
        "cpus_per_task": shape["cpus_per_gpu"],
        "signal_delay_s": cluster.signal_delay_s,
        "array_parallelism": cluster.array_parallelism,
        "stderr_to_stdout": True,
        "srun_args": ["--kill-on-bad-exit=1"],  # one process of a cell cannot go on without the others
        "setup": [
            *cluster.setup,
            f"export PYTHONPATH={shlex.quote(str(code / 'code'))} {SIGNAL_VARIABLE}={os.environ[SIGNAL_VARIABLE]}",
            "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",  # newer SLURMs do not hand a job's cores on to its steps
        ],
        "additional_parameters": additional,
    }
    if gpus and cluster.gres:
        asked["gres"] = cluster.gres.format(gpus=gpus)
    elif gpus:
        asked["gpus_per_node"] = gpus
    executor.update_parameters(**{key: value for key, value in asked.items() if value is not None})
    return executor
