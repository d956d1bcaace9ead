"""`physlaw logs` and `physlaw cancel`: what a launched study's jobs say, and their end. No torch, no numpy."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List

from physlaw.errors import UserError, unknown
from physlaw.launch.causes import submitit_log
from physlaw.launch.job import last_lines
from physlaw.launch.plan import Plan, plan_of, read_manifest
from physlaw.launch.queue import jobs_in_queue
from physlaw.lease import holder

POLL_S, QUEUE_POLL_S = 1.0, 15.0
AT_ONCE = 500  # job numbers in one call of scancel


def _known(manifest: Dict[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Jobs that were submitted, by cell, or by stage and name."""
    return {**manifest["prepare"], **manifest["cells"]}


def _launched(plan: Plan, names: List[str]) -> Dict[str, Dict[str, Any]]:
    """The jobs of these cells, or of all of the study with those that prepare for them, by cell or stage and name.

    Raises:
        UserError: the study has no such cell; or no job of it is known.
    """
    manifest = read_manifest(plan.folder)
    found, cells = _known(manifest), [cell.name for cell in plan.cells]
    for name in names:
        if name not in cells and name not in found:
            raise unknown("cell", name, cells)
        if name not in found:
            raise UserError(f"{name} has not been launched ({plan.folder / 'manifest.json'} knows no job of it)")
    wanted = names or [name for name in found if name in manifest["prepare"] or name in cells]
    return {name: found[name] for name in wanted}


def logs(words: List[str], cell: str = "", follow: bool = False) -> None:
    """Print a cell's whole log; without a cell the last line of every one.

    follow: go on with what comes, until no job of them is left.
    """
    plan = plan_of(words)
    cells, known = [one.name for one in plan.cells], _known(read_manifest(plan.folder))
    if cell and cell not in known and cell not in cells:
        raise unknown("cell", cell, cells)
    names = [cell] if cell else cells
    paths = {name: _log(plan, name, known.get(name)) for name in names}
    if cell and not paths[cell].exists():
        raise UserError(f"{cell} has no log yet ({paths[cell]})")
    read = dict.fromkeys(names, 0)
    for name, path in paths.items():
        read[name] = path.stat().st_size if path.exists() else 0
        if cell:
            with path.open(encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    print(line, end="")
        elif path.exists():
            print(f"{name}: {last_lines(path, 1)}")
            print(f"    {path}")
        else:
            print(f"{name}: no log yet")
    asked = time.monotonic()
    while follow:
        time.sleep(POLL_S)
        if time.monotonic() - asked > QUEUE_POLL_S:
            asked = time.monotonic()
            follow = _any_left(plan, names, known)
        for name, path in paths.items():
            read[name] = _print_new(path, read[name], "" if cell else f"{name}: ")


def _log(plan: Plan, name: str, job: Any) -> Path:
    """The cell's log, or that of its supervisor while it has none."""
    own = Path(job["log"]) if job else plan.folder.parent / name / "log.txt"
    other = submitit_log(plan.folder, job["job"]) if job else own
    return own if own.exists() or not other.exists() else other


def _print_new(path: Path, start: int, prefix: str) -> int:
    """Print the whole lines from a byte on; returns where the next one begins."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            text = stream.read()
    except OSError:
        return start
    whole = text[: text.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", "replace").splitlines():
        print(f"{prefix}{line}", flush=True)
    return start + len(whole)


def _any_left(plan: Plan, names: List[str], known: Dict[str, Any]) -> bool:
    """A job of these is in the queue, or a process holds one of their cells."""
    try:
        queue = jobs_in_queue()
    except UserError:  # not on a cluster: the leases alone tell
        queue = {}
    return any(name in known and known[name]["job"] in queue for name in names) or any(
        holder(plan.folder.parent / name) is not None for name in names
    )


def cancel(words: List[str], names: List[str]) -> int:
    """End the jobs of these cells, or all of the study's, after saying how many; returns how many.

    Raises:
        UserError: no such cell, it was never launched, or scancel refuses.
    """
    plan = plan_of(words)
    launched, queue = _launched(plan, names), jobs_in_queue()
    jobs = {job["job"] for job in launched.values() if job["job"] in queue}
    states = [queue[job][0] for job in jobs]
    first = plan.cells[0]
    print(
        f"{first.study} {first.table}: {len(jobs)} jobs to cancel, {states.count('running')} running, "
        f"{states.count('pending')} pending",
        flush=True,
    )
    ordered = sorted(jobs)
    for start in range(0, len(ordered), AT_ONCE):
        done = subprocess.run(
            ["scancel", *ordered[start : start + AT_ONCE]], capture_output=True, encoding="utf-8", errors="replace"
        )
        if done.returncode:
            raise UserError(f"scancel refused: {' '.join(done.stderr.split())}")
    return len(jobs)
