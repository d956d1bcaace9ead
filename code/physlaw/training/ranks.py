"""The processes that share one cell's training, one per accelerator, and what they tell each other.

They find one another by torchrun's variables, or by SLURM's where srun started them. Alone, all of this does nothing,
and needs no torch: what trains nothing, a reference agent, goes this way too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physlaw import signals
from physlaw.errors import UserError
from physlaw.lease import leased
from physlaw.words import from_environment

if TYPE_CHECKING:
    from torch import Tensor, nn

SILENCE_S = 15.0  # before a word is said about waiting for the others
PATIENCE = timedelta(days=14)  # others wait while the first one waits for its turn, or evaluates
FIRST_PORT, PORTS = 20_000, 12_000  # below the ports that Linux hands out by itself


@dataclass(frozen=True)
class Rank:
    """This process among `world`, `local` on its node; they meet at `address`."""

    rank: int = 0
    world: int = 1
    local: int = 0
    address: str = ""
    source: str = field(default="", compare=False)  # the variable that names `world`


ALONE = Rank()
_me = ALONE
_control: Any = None  # a group of its own for messages: they wait longer than a reduction may


def find_rank(environment: Mapping[str, str]) -> Rank:
    """This process's place: RANK and WORLD_SIZE (torchrun), else the variables of SLURM's step.

    Only srun sets the step's: a plain command in a batch script of several tasks is alone.

    Raises:
        UserError: a variable is missing, or is no number.
    """

    def count(name: str) -> int:
        return from_environment(name, environment=environment) if environment[name] else 0

    try:
        if from_environment("WORLD_SIZE", 1, environment) > 1:
            address = f"{environment['MASTER_ADDR']}:{count('MASTER_PORT')}"
            rank = count("RANK")
            local = from_environment("LOCAL_RANK", rank, environment)
            return _checked(Rank(rank, count("WORLD_SIZE"), local, address, "WORLD_SIZE"))
        if from_environment("SLURM_STEP_NUM_TASKS", 1, environment) > 1:
            one_node = environment.get("SLURM_STEP_NUM_NODES", "1") == "1"
            # srun runs on the job's first node, where rank 0 is.
            host = "127.0.0.1" if one_node else environment["SLURM_LAUNCH_NODE_IPADDR"]
            port = from_environment("MASTER_PORT", FIRST_PORT + count("SLURM_JOB_ID") % PORTS, environment)
            address = f"{environment.get('MASTER_ADDR', host)}:{port}"
            rank = count("SLURM_PROCID")
            local = from_environment("SLURM_LOCALID", rank, environment)
            return _checked(Rank(rank, count("SLURM_STEP_NUM_TASKS"), local, address, "SLURM_STEP_NUM_TASKS"))
    except KeyError as error:
        raise UserError(f"several processes for one cell need {error.args[0]} in the environment") from None
    return ALONE


def _checked(found: Rank) -> Rank:
    if found.rank >= found.world:
        raise UserError(f"a rank must be 0 to {found.world - 1}, got {found.rank} in the environment")
    return found


def join() -> None:
    """Meet the others, once; alone, nothing happens.

    Raises:
        UserError: they cannot be met.
    """
    global _me, _control
    if _me is not ALONE:
        return
    me = find_rank(os.environ)
    if me.world == 1:
        return
    import torch
    import torch.distributed as dist

    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(me.local % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    try:
        _meet(me, backend)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"rank {me.rank} of {me.world} cannot meet the others at {me.address}: {reason}") from None
    if me.rank:  # it waits where no signal is answered, and outside training it has nothing to finish
        signals.answer(signal.SIG_DFL)
    _control = dist.new_group(backend="gloo", timeout=PATIENCE)
    _me = me


def _meet(me: Rank, backend: str) -> None:
    """Wait for the others, in a thread of its own: while torch waits it answers no signal."""
    import torch
    import torch.distributed as dist

    failed: list[Exception] = []

    def wait() -> None:
        try:
            if torch.cuda.is_available():  # the device is a thread's
                torch.cuda.set_device(me.local % torch.cuda.device_count())
            dist.init_process_group(backend, init_method=f"tcp://{me.address}", rank=me.rank, world_size=me.world)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(SILENCE_S)
    if thread.is_alive():
        print(
            f"physlaw: rank {me.rank} waits at {me.address} for {me.world - 1} other(s), since {me.source} is "
            f"{me.world}; to run alone: unset {me.source}",
            file=sys.stderr,
            flush=True,
        )
    while thread.is_alive():
        thread.join(1.0)
    if failed:
        raise failed[0]


def device() -> str:
    """This process's accelerator if there is one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def say(text: str) -> None:
    """One line of progress for people, from the first process."""
    if is_main():
        print(f"physlaw: {text}", file=sys.stderr, flush=True)


def world() -> int:
    """How many processes share the cell."""
    return _me.world


def is_main() -> bool:
    """The first process: it alone writes files."""
    return _me.rank == 0


def part() -> slice:
    """This process's share of a batch: every world-th sample."""
    return slice(_me.rank, None, _me.world)


def on_main(function: Callable[[], Any]) -> Any:
    """Call it in the first process alone; all get its value (plain data), or its UserError."""
    if _me.world == 1:
        return function()
    import torch
    import torch.distributed as dist

    message: dict[str, Any] = {}
    if is_main():
        try:
            message = {"value": function()}
        except UserError as error:
            message = {"error": str(error)}
    content = torch.tensor(list(json.dumps(message).encode()), dtype=torch.uint8)
    length = torch.tensor([len(content)])
    dist.broadcast(length, 0, group=_control)
    if not is_main():
        content = torch.empty(int(length), dtype=torch.uint8)
    dist.broadcast(content, 0, group=_control)
    message = json.loads(bytes(content.tolist()))
    if "error" in message:
        raise UserError(message["error"])
    return message["value"]


def mean(values: Tensor) -> Tensor:
    """The mean over the processes, on the values' device; a NaN of one is a NaN for all."""
    if _me.world > 1:
        import torch.distributed as dist

        dist.all_reduce(values)
        values /= _me.world
    return values


def averaging_gradients(model: nn.Module) -> nn.Module:
    """A model whose backward pass leaves the mean gradient over the processes."""
    if _me.world == 1:
        return model
    from torch.nn.parallel import DistributedDataParallel

    return DistributedDataParallel(model, broadcast_buffers=False)


def keeping_gradients(model: nn.Module) -> AbstractContextManager[Any]:
    """Inside, a backward pass adds to the process's own gradients; the next one outside averages them all."""
    from torch.nn.parallel import DistributedDataParallel

    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()


@contextmanager
def apart() -> Iterator[None]:
    """Inside, every process is alone, for comparison."""
    global _me
    together, _me = _me, ALONE
    try:
        yield
    finally:
        _me = together


@contextmanager
def leased_by_main(folder: Path, what: str, **options: Any) -> Iterator[None]:
    """lease.leased for all processes of the cell together."""
    with ExitStack() as stack:
        on_main(lambda: stack.enter_context(leased(folder, what, **options)))
        yield
