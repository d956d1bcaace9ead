"""`physlaw launch`: a study's unfinished cells as jobs. Runs on a login node without torch or numpy."""

from __future__ import annotations

import io
import shlex
import sys
import time
from contextlib import redirect_stderr, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

from physlaw.command_line import FROM_FILE
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.launch.executor import executor_of, plain_folder
from physlaw.launch.job import CellJob
from physlaw.launch.limits import limits_of
from physlaw.launch.plan import (
    Plan,
    cells_to_run,
    describe_plan,
    is_finished,
    plan_of,
    read_manifest,
)
from physlaw.launch.queue import jobs_in_queue
from physlaw.launch.resources import arrays_of, preparations, shape_of
from physlaw.launch.snapshot import snapshot
from physlaw.lease import leased


def launch(words: List[str]) -> int:
    """Launch the cells that are neither finished nor in the queue; returns how many."""
    plan = plan_of(words)
    cluster = plan.launch.cluster
    if plan.launch.dry_run:
        queue: Dict[str, Tuple[str, str]] = {}
        if read_manifest(plan.folder)["cells"]:
            with suppress(UserError):  # a machine without SLURM can plan too
                queue = jobs_in_queue()
        limits, waiting = limits_of(cluster), cells_to_run(plan, queue)
        over = len(waiting) - len(within(waiting, limits.room(len(queue)), read_manifest(plan.folder), queue))
        for line in describe_plan(plan, waiting, limits, over):
            print(line)
        return 0
    if cluster.kind != "slurm":
        from physlaw.results.reproduce import run_cells

        waiting = [cell for cell in plan.cells if not is_finished(cell)]
        print(f"{len(plan.cells)} cells, {len(waiting)} to run")
        if waiting:
            run_cells(waiting, 1 if cluster.kind == "debug" else None)
        return len(waiting)
    with leased(plan.folder, "another launch of this study", patience_s=60.0):
        return _submit(plan)


def _submit(plan: Plan) -> int:
    manifest, queue = read_manifest(plan.folder), jobs_in_queue()
    cluster = plan.launch.cluster
    limits, waiting = limits_of(cluster), cells_to_run(plan, queue)
    now = within(waiting, limits.room(len(queue)), manifest, queue)
    described = "\n".join(describe_plan(plan, waiting, limits, len(waiting) - len(now)))
    if not now:
        print(described)
        return 0
    code = snapshot(plain_folder(Path(plan.cells[0].runs).resolve()) / "snapshots")
    words = {cell.name: cell_words for cell, cell_words in zip(plan.cells, plan.words)}
    for shape, group in arrays_of(now, cluster, limits.array):
        dependencies = _prepare(plan, group[0], words[group[0].name], code, manifest, queue)
        jobs = [_job(plan, ["run"], cell, words[cell.name], cell.name, code) for cell in group]
        for cell, job in zip(group, jobs):
            job.environment["PHYSLAW_EXPECT_CONFIG"] = cell.digest()
        executor = executor_of(plan, shape, f"physlaw-{plan.cells[0].study}", dependencies, code)
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
    print(f"submitted {len(now)} cells; physlaw status shows how they do", file=sys.stderr)
    print(described)  # last: a reader that has had enough stops no submission
    return len(now)


def _submit_all(executor: Any, jobs: List[CellJob]) -> List[str]:
    """One array (a single job where there is one), as SLURM's job numbers.

    Raises:
        UserError: sbatch refuses, in SLURM's words.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with redirect_stderr(io.StringIO()), executor.batch():  # submitit prints these words too
            submitted = [executor.submit(job) for job in jobs]
    except (FailedJobError, FailedSubmissionError, UnicodeError) as error:
        words = " ".join(str(error or error.__cause__).split())
        taken = "; it may have taken the jobs all the same, squeue knows" if "timed out" in words else ""
        raise UserError(
            f"SLURM takes no more jobs: {words}{taken}. What was submitted before stays known; the same command "
            "submits the rest"
        ) from None
    return [str(job.job_id) for job in submitted]


def within(
    waiting: List[CellConfig], room: Optional[int], manifest: Dict[str, Any], queue: Dict[str, Tuple[str, str]]
) -> List[CellConfig]:
    """The first of the cells, as many as the queue takes with the jobs that they wait for."""
    if room is None:
        return waiting
    needed: Set[str] = set()
    for number, cell in enumerate(waiting):
        for stage, name in preparations(cell):
            known = manifest["prepare"].get(f"{stage} {name}")
            needed |= set() if known and known["job"] in queue else {f"{stage} {name}"}
        if number + 1 + len(needed) > room:
            return waiting[:number]
    return waiting


def _prepare(
    plan: Plan,
    cell: CellConfig,
    words: List[str],
    code: Path,
    manifest: Dict[str, Any],
    queue: Dict[str, Tuple[str, str]],
) -> List[str]:
    """A job for the cell's tokenizer, if that is still to be trained, and one for its latents after it, unless they are
    on their way; returns the job that the cell must wait for."""
    before: List[str] = []
    for stage, name in preparations(cell):
        key = f"{stage} {name}"
        known = manifest["prepare"].get(key)
        if not (known and known["job"] in queue):
            job = _job(plan, ["prepare", f"stage={stage}"], cell, words, f"{stage}-{name}", code)
            job.log = str((plan.folder / f"{stage}-{name}.log").resolve())
            shape = {**shape_of(cell, plan.launch.cluster), "nodes": 1}  # one tokenizer is no work for several
            if stage == "latents":  # one process encodes
                shape.update(gpus=min(shape["gpus"], 1), tasks=1)
                job.environment["PHYSLAW_EXPECT_GPUS"] = str(shape["gpus"])
            executor = executor_of(plan, shape, f"physlaw-{stage}", before, code)
            known = {"job": _submit_all(executor, [job])[0], "log": job.log, "after": before}
            manifest["prepare"][key] = known
            queue[known["job"]] = ("pending", "")
            write_json(plan.folder / "manifest.json", manifest)
        before = [known["job"]]
    return before


def _job(plan: Plan, verb: List[str], cell: CellConfig, words: List[str], name: str, code: Path) -> CellJob:
    """The job that does a verb for a cell; its words stand in jobs/NAME.json."""
    cluster, runs = plan.launch.cluster, Path(cell.runs).resolve()
    words = [*words, f"runs={runs}"]
    if cluster.scratch:
        words.append(f"scratch={cluster.scratch}")
    file = plan.folder.resolve() / "jobs" / f"{name}.json"
    write_json(file, words)
    environment = {"PHYSLAW_PLAIN_PROGRESS": "1", "PHYSLAW_EXPECT_GPUS": str(shape_of(cell, cluster)["gpus"])}
    places = {}
    if cluster.container:
        places = {"{bind}": str(runs), "{image}": cluster.image()}
        command = [*shlex.split(cluster.container_command), "physlaw"]
        environment["PYTHONPATH"] = ""  # the supervisor's; the image has code of its own
    else:
        command = [cluster.python, "-m", "physlaw"]
        environment.update(PYTHONPATH=str(code / "code"), PHYSLAW_CONFIGS=str(code / "configs"))
    log = str((cell.folder / "log.txt").resolve())
    return CellJob(command, log, environment, [*verb, f"{FROM_FILE}{file}"], places)
