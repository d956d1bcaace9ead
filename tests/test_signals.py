"""Signals that ask to stop, and those that were to be ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physlaw import signals
from physlaw.training.stopping import StopRequest

CELL = ["scenario=uniform", "size=300", "train.batch_size=2", "train.log_every=1", "train.steps=100000",
        "train.checkpoint_every=100000", "model.depth=1", "model.hidden_size=48", "model.num_heads=2"]  # fmt: skip


@pytest.mark.parametrize("number", signals.STOP)
def test_training_notes_every_signal_that_asks_to_stop(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert stop.signal == number
        if number == signal.SIGINT:
            with pytest.raises(KeyboardInterrupt):  # the second one acts at once
                signal.raise_signal(number)
        else:
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", signals.ONES_OWN)
def test_what_a_process_was_started_to_ignore_stays_ignored(number: signal.Signals) -> None:
    old = signal.signal(number, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(number)
        assert stop.signal is None
        with signals.stopping(signals.interrupt):
            signal.raise_signal(number)
    finally:
        signal.signal(number, old)


def test_an_interruption_is_asked_for_once() -> None:
    """Clusters repeat themselves; what is being saved then must not be disturbed."""
    with signals.stopping(signals.interrupt):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_under_nohup_and_without_standard_error_usr1_saves(tmp_path: Path) -> None:
    """SIGHUP is ignored, as nohup has it; SIGUSR1 saves; no line needs a terminal."""
    command = f"trap '' HUP; exec {sys.executable} -m physlaw run {' '.join(CELL)} 2>&-"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(["bash", "-c", command], cwd=tmp_path, env=environment)
    cell = tmp_path / "runs/id_ood/smoke/uniform-dit_xxs-n300-seed0"
    log = cell / "train.jsonl"

    def wait_for(steps: int) -> None:
        while not (log.exists() and log.read_text().count("\n") >= steps):
            assert started.poll() is None
            time.sleep(0.05)

    wait_for(2)
    started.send_signal(signal.SIGHUP)
    wait_for(log.read_text().count("\n") + 2)
    assert not list(cell.glob("checkpoints/*"))
    started.send_signal(signal.SIGUSR1)
    assert started.wait(timeout=60) == 130
    assert len(list(cell.glob("checkpoints/*.json"))) == 1
