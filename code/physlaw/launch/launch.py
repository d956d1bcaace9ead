"""`physlaw launch`: a study's unfinished cells as jobs. Runs on a login node without torch or numpy."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import sys
import time
from contextlib import redirect_stderr, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

from physlaw.command_line import FROM_FILE
from physlaw.config import CellConfig
from physlaw.errors import UserError
from physlaw.files import write_json
from physlaw.launch.job import SIGNAL, SIGNAL_VARIABLE, CellJob
from physlaw.launch.plan import (
    Plan,
    arrays_of,
    cells_to_run,
    describe_plan,
    is_finished,
    plan_of,
    read_manifest,
    shape_of,
)
from physlaw.launch.queue import jobs_in_queue
from physlaw.launch.snapshot import snapshot
from physlaw.lease import leased

NO_TIMEOUT_LIMIT = 1_000_000  # submitit gives a job up after this many


def launch(words: List[str]) -> int:
    """Launch the cells that are neither finished nor in the queue; returns how many."""
    plan = plan_of(words)
    cluster = plan.launch.cluster
    if plan.launch.dry_run:
        queue: Dict[str, Tuple[str, str]] = {}
        if read_manifest(plan.folder)["cells"]:
            with suppress(UserError):  # a machine without SLURM can plan too
                queue = jobs_in_queue()
        for line in describe_plan(plan, cells_to_run(plan, queue)):
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
    waiting = cells_to_run(plan, queue)
    described = "\n".join(describe_plan(plan, waiting))
    if not waiting:
        print(described)
        return 0
    cluster = plan.launch.cluster
    code = snapshot(plain_folder(Path(plan.cells[0].runs).resolve()) / "snapshots")
    words = {cell.name: cell_words for cell, cell_words in zip(plan.cells, plan.words)}
    for shape, group in arrays_of(waiting, cluster):
        dependencies = _submit_tokenizers(plan, group, words, code, manifest, queue)
        jobs = [_job(plan, ["run"], cell, words[cell.name], cell.name, code) for cell in group]
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
    print(described)  # last: a reader that has had enough stops no submission
    return len(waiting)


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


def _submit_tokenizers(
    plan: Plan,
    group: List[CellConfig],
    words: Dict[str, List[str]],
    code: Path,
    manifest: Dict[str, Any],
    queue: Dict[str, Tuple[str, str]],
) -> List[str]:
    """A job for every tokenizer that is still to be trained, with the latents of every training set after it; returns
    the jobs that the cells must wait for."""
    wait_for, seen = [], set()
    for cell in group:
        if cell.tokenizer.kind != "vae":
            continue
        tokenizer = cell.tokenizer_run()[1]
        stages = [("tokenizer", tokenizer.name), ("latents", f"{tokenizer.name}-{cell.scenario}-n{cell.size}")]
        before: List[str] = []
        for stage, name in stages:
            key = f"{stage} {name}"
            known = manifest["prepare"].get(key)
            if stage == "tokenizer" and (tokenizer / "card.json").is_file():
                continue
            if key not in seen and not (known and known["job"] in queue):
                job = _job(plan, ["prepare", f"stage={stage}"], cell, words[cell.name], f"{stage}-{name}", code)
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


def plain_folder(folder: Path) -> Path:
    """The folder by a name that a script of SLURM's and PYTHONPATH can hold: its own, or a link in ~/.physlaw.

    SLURM's scripts know no line breaks in names, take backslashes away and replace % patterns; PYTHONPATH splits at
    colons.

    Raises:
        UserError: the home folder's name cannot be held either.
    """
    if _is_plain(folder):
        return folder
    link = Path.home() / ".physlaw" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if not _is_plain(link):
        raise UserError(f"neither {folder} nor the home folder has a name that scripts of SLURM can hold")
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(folder, target_is_directory=True)
    return link


def _is_plain(path: Path) -> bool:
    return str(path).isprintable() and not set(str(path)) & set("%:#\\\"'")


def _executor(plan: Plan, shape: Dict[str, Any], name: str, after: List[str], code: Path) -> Any:
    """A submitit executor that asks SLURM for these resources; its jobs' supervisors run from the snapshot too."""
    os.environ.setdefault(SIGNAL_VARIABLE, SIGNAL)  # before the import
    import submitit

    cluster = plan.launch.cluster
    jobs = plain_folder(Path(plan.cells[0].runs).resolve()) / plan.folder.relative_to(plan.cells[0].runs) / "jobs"
    try:
        executor = submitit.SlurmExecutor(jobs, max_num_timeout=NO_TIMEOUT_LIMIT)
    except RuntimeError as error:
        raise UserError(f"{error}; use cluster=local where there is no SLURM") from None
    additional: Dict[str, Any] = {**cluster.additional, "requeue": True, "open-mode": "append"}
    if after:
        additional.update({"dependency": "afterok:" + ":".join(after), "kill-on-invalid-dep": "yes"})
    gpus, signal = shape["gpus"], shlex.quote(os.environ[SIGNAL_VARIABLE])
    asked: Dict[str, Any] = {
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
            # The second: what lies in the folder of the launch is data, not code.
            f"export PYTHONPATH={shlex.quote(str(code / 'code'))} PYTHONSAFEPATH=1 {SIGNAL_VARIABLE}={signal}",
            "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",  # newer SLURMs do not hand a job's cores on to its steps
        ],
        "additional_parameters": additional,
    }
    if gpus and cluster.gres:
        asked["gres"] = cluster.gres.replace("{gpus}", str(gpus))
    elif gpus:
        asked["gpus_per_node"] = gpus
    executor.update_parameters(**{key: value for key, value in asked.items() if value is not None})
    return executor
