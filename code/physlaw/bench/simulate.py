"""`physlaw bench simulate`: how fast clips are made, written, read and scored, beside the plain dense formula.

Everything is measured in this run on this machine, one core unless a row says otherwise; a row's figure is the best
of several rounds, since other work on a machine only ever slows a round down. Ratios are of clips per second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physlaw.bench.rates import BenchConfig, Row, best, target
from physlaw.bench.simulate_bodies import moving_bodies, writing_bodies
from physlaw.data.mp4 import decode_mp4, encode_mp4
from physlaw.data.shards import write_hdf5_shard
from physlaw.data.write import BallClips, SimulateConfig, simulate
from physlaw.evaluation.velocity import velocity_errors
from physlaw.files import write_json
from physlaw.provenance import provenance
from physlaw.render.averaging import NATIVE, area_average
from physlaw.render.dense import render_dense
from physlaw.render.discs import render_clips
from physlaw.worlds.scenarios import SCENARIOS, UNIFORM
from physlaw.worlds.scenes import SceneSet, Trajectory, eval_scenes, training_scenes

LAW_BATCH, PAINT_BATCH = 256, 4  # scenes whose law is computed at once; clips painted into the same memory


def bench(config: BenchConfig) -> list[Row]:
    """Measure everything, printing each row as it is known; returns the rows, and writes config.out if named."""
    rows: list[Row] = []
    started = time.monotonic()
    print(f"{'what':48s} {'rate':>12s}  unit", flush=True)
    for part in (_rendering, _laws, _grid, moving_bodies, _writing, writing_bodies, _scoring, _gpu):
        for row in part(config):
            rows.append(row)
            print(f"{row.name:48s} {row.value:12,.5g}  {row.unit:16s} {row.note}", flush=True)
    if config.out:
        result = {"rows": [vars(row) for row in rows], "seconds": round(time.monotonic() - started, 1)}
        write_json(Path(config.out), result | {"provenance": provenance()})
    return rows


def _rendering(config: BenchConfig) -> list[Row]:
    """Law and rendering, against the dense formula over every pixel and against filling the same memory."""
    rows = []
    for scenario in ("uniform", "collision"):
        scenes = training_scenes(SCENARIOS[scenario], "30k")
        index = np.linspace(0, len(scenes) - 1, LAW_BATCH).astype(np.int64)
        one = scenes.trajectory(index[:1])
        dense = 1 / best(partial(render_dense, one, NATIVE), min(config.rounds, 3))
        rows.append(Row(f"{scenario}, dense formula, 256 x 256", dense, "clips/s"))
        for width in (256, 128, 32, 16):
            out = np.empty((PAINT_BATCH, scenes.num_frames, width, width, 3), np.uint8)
            rate = LAW_BATCH / best(partial(_paint_all, scenes, index, out), config.rounds)
            fill = PAINT_BATCH / best(partial(out.fill, 255), config.rounds)
            base = dense
            if width < NATIVE:
                base = 1 / best(partial(_dense_and_average, one, width), 1)
            note = f"{rate / base:.0f} x dense; {100 * rate / fill:.0f} % of a bare fill of the memory; "
            note += f"{rate * out[0].nbytes / 1e9:.1f} GB/s; {target(f'{scenario} {width}', rate)}"
            rows.append(Row(f"{scenario}, law and rendering, {width} x {width}", rate, "clips/s", note))
    return rows


def _paint_all(scenes: SceneSet, index: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    trajectory = scenes.trajectory(index)
    for start in range(0, len(index), len(out)):
        render_clips(trajectory[start : start + len(out)], out.shape[2], out=out)


def _dense_and_average(trajectory: Trajectory, width: int) -> None:
    area_average(render_dense(trajectory, NATIVE), width)


def _laws(config: BenchConfig) -> list[Row]:
    rows = []
    for scenario in ("uniform", "parabola", "collision"):
        scenes = training_scenes(SCENARIOS[scenario], "3m")
        index = np.linspace(0, len(scenes) - 1, 2048).astype(np.int64)
        rate = len(index) / best(partial(scenes.positions, index), config.rounds)
        rows.append(Row(f"{scenario}, physics alone", rate, "trajectories/s", target(f"{scenario} law", rate)))
    return rows


def _grid(config: BenchConfig) -> list[Row]:
    """The largest training sets as objects, each in a fresh process: time to open, memory, random access."""
    code = (
        "import sys, time\nimport numpy as np\nfrom physlaw.worlds.scenarios import SCENARIOS\n"
        "from physlaw.worlds.scenes import training_scenes\n"
        "peak = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024\n"
        "before = peak()\nstart = time.perf_counter()\n"
        "scenes = training_scenes(SCENARIOS[sys.argv[1]], '3m', placement=sys.argv[2])\nlen(scenes)\n"
        "opened = time.perf_counter() - start\n"
        "index = np.random.default_rng(0).integers(len(scenes), size=256)\nscenes.trajectory(index)\n"
        "start = time.perf_counter()\nscenes.trajectory(index[::-1])\n"
        "print(opened, peak(), peak() - before, time.perf_counter() - start)\n"
    )
    rows = []
    for scenario, placement in (("uniform", "per_sample"), ("collision", "per_sample"), ("collision", "released")):
        done = subprocess.run([sys.executable, "-c", code, scenario, placement], capture_output=True, encoding="utf-8")
        opened, memory, more, access = (float(word) for word in done.stdout.split())
        verdict = "met" if opened < 1 and memory < 200 else "MISSED"
        note = f"{memory:.0f} MiB in all, {more:.0f} of them the set's; 256 scenes at random in {1e3 * access:.1f} ms; "
        note += f"target 1 s and 200 MB: {verdict}"
        rows.append(Row(f"{scenario} 3m, {placement}, opened", 1e3 * opened, "ms", note))
    return rows


def _writing(config: BenchConfig) -> list[Row]:
    """Released HDF5 with mp4, and what of it is the encoder."""
    scenes = training_scenes(UNIFORM, "30k")
    frames = render_clips(scenes.trajectory(np.arange(16)))
    videos = [encode_mp4(clip) for clip in frames]
    encoding = best(lambda: [encode_mp4(clip) for clip in frames], min(config.rounds, 3)) / len(frames)
    decoding = best(lambda: [decode_mp4(video, "") for video in videos], min(config.rounds, 3)) / len(frames)
    cores, index = len(os.sched_getaffinity(0)), np.arange(config.clips)
    with tempfile.TemporaryDirectory() as folder:
        whole = {}
        for workers in sorted({1, cores}):
            start = time.perf_counter()
            simulate(UNIFORM, SimulateConfig(out=f"{folder}/{workers}", count=config.clips, workers=workers))
            whole[workers] = time.perf_counter() - start
        # The same without the encoder: law, rendering, and writing videos that are there already.
        start = time.perf_counter()
        for first in index[::PAINT_BATCH]:
            render_clips(scenes.trajectory(np.arange(first, first + PAINT_BATCH)))
        clips = BallClips(scenes)
        stored = [videos[k % len(videos)] for k in index]
        write_hdf5_shard(Path(folder), 0, clips, index, [(stored, clips.truth(index))])
        rest = time.perf_counter() - start
    note = f"the encoder is {100 * (1 - rest / whole[1]):.1f} % of the time with one worker"
    return [
        Row("mp4 encoding alone, 256 x 256", 1 / encoding, "clips/s"),
        Row("mp4 decoding alone, 256 x 256", 1 / decoding, "clips/s"),
        *(Row(f"released HDF5, {k} workers", config.clips / s, "clips/s", note) for k, s in whole.items()),
    ]


def _scoring(config: BenchConfig) -> list[Row]:
    rows = []
    for scenario in ("uniform", "collision"):
        scenes = eval_scenes(SCENARIOS[scenario], "id")
        index = np.arange(0, 128, 8)
        for width in (256, 128):
            frames = render_clips(scenes.trajectory(index), width)
            noise = np.random.default_rng(0).integers(0, 8, frames.shape, dtype=np.uint8)
            for what, shown in (("clean", frames), ("noisy", np.maximum(frames, noise) - noise)):
                score = partial(velocity_errors, scenes.scenario, scenes.init(index), scenes.positions(index), shown)
                rate = len(index) / best(score, config.rounds)
                note = target(f"score {width}", rate)
                rows.append(Row(f"{scenario}, scoring {what} clips, {width} x {width}", rate, "clips/s", note))
    return rows


def _gpu(config: BenchConfig) -> list[Row]:
    """The torch renderer beside a DiT-S training step at batch 256, where there is a GPU."""
    nothing = partial(Row, "GPU rendering, 128 x 128, 256 clips", float("nan"), "ms")
    if find_spec("torch") is None:
        return [nothing("not run: no torch")]
    import torch

    if not torch.cuda.is_available():
        return [nothing("not run: no GPU")]
    from physlaw.compose import compose_cell
    from physlaw.models.dit import DiT
    from physlaw.render.gpu import render_clips_torch

    batch = 256
    trajectory = training_scenes(UNIFORM, "3m").trajectory(np.arange(0, 1000 * batch, 1000))

    def render() -> None:
        render_clips_torch(trajectory, 128, chunk=batch)
        torch.cuda.synchronize()

    cell = compose_cell(["profile=paper", "model=dit_s"])
    model = DiT(cell.model, 4, (8, 16, 16)).cuda()
    forward = torch.compile(model)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    x = torch.randn(batch, 4, 8, 16, 16, device="cuda")
    t, mask = torch.rand(batch, device="cuda"), torch.ones(batch, 1, 8, 16, 16, device="cuda")

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = forward(x, t, x, mask).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        torch.cuda.synchronize()

    rendering, training = best(render, config.rounds), best(step, config.rounds)
    share = rendering / training
    note = f"{100 * share:.2f} % of a DiT-S training step of {1e3 * training:.1f} ms; target 1 %: "
    return [
        Row("GPU rendering, 128 x 128, 256 clips", 1e3 * rendering, "ms", note + ("met" if share < 0.01 else "MISSED"))
    ]
