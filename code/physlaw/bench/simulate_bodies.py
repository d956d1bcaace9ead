"""The rows of `physlaw bench simulate` about the combinatorial world."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from physlaw.bench.rates import BenchConfig, Row, best, target
from physlaw.data.mp4 import encode_mp4
from physlaw.data.phyre_clips import RenderedBodies
from physlaw.data.phyre_files import open_phyre_clips
from physlaw.data.phyre_write import PhyreClipSet, PhyreSimulateConfig, phyre_scenes_of, simulate_phyre
from physlaw.render.bodies import render_bodies
from physlaw.worlds.bodies import SIDE, Packed, pack
from physlaw.worlds.phyre.scenes import sample_scene, training_videos
from physlaw.worlds.phyre.simulate import STORED_FRAMES
from physlaw.worlds.scenes import NUM_FRAMES as FRAMES

PAINT_BATCH = 4  # clips asked for at once
BODY_BATCH = 64  # videos of the combinatorial world in one round


def moving_bodies(config: BenchConfig) -> list[Row]:
    """The combinatorial world: training videos of all 60 templates at random, so that no two share a scene."""
    videos = training_videos("60")
    numbers = np.random.default_rng(0).integers(len(videos), size=BODY_BATCH)
    places = [videos.address(number)[:2] for number in numbers.tolist()]
    fresh = sample_scene.__wrapped__  # keeps nothing
    sampling = len(places) / best(lambda: [fresh(*place) for place in places], config.rounds)
    moving = len(numbers) / best(lambda: [videos.motion(n, FRAMES) for n in numbers.tolist()], config.rounds)
    rows = [
        Row("combinatorial, scenes sampled", sampling, "scenes/s", "bodies and poses, without a red ball"),
        Row(f"combinatorial, {FRAMES} frames simulated", moving, "videos/s", "with sampling scene and red ball"),
    ]
    motions = [(pack(bodies), poses) for bodies, poses in (videos.motion(n, FRAMES) for n in numbers.tolist())]
    for width in (256, 128, 32):
        out = np.empty((FRAMES, width, width, 3), np.uint8)
        painting = len(motions) / best(partial(_paint_bodies, motions, out), config.rounds)
        source, parts = RenderedBodies(videos, width, FRAMES), numbers.reshape(-1, PAINT_BATCH)
        making = len(numbers) / best(partial(_clips_of, source, parts), config.rounds)
        note = f"rendering is {100 * making / painting:.0f} % of it; {target(f'combinatorial {width}', making)}"
        rows.append(Row(f"combinatorial, simulated and rendered, {width} x {width}", making, "videos/s", note))
        note = f"motion known; {painting * out.nbytes / 1e9:.1f} GB/s"
        rows.append(Row(f"combinatorial, rendering alone, {width} x {width}", painting, "videos/s", note))
    return rows


def _clips_of(source: RenderedBodies, parts: NDArray[np.int64]) -> None:
    for part in parts:
        source.clips(part)


def _paint_bodies(motions: list[tuple[Packed, NDArray[np.float64]]], out: NDArray[np.uint8]) -> None:
    for bodies, poses in motions:
        render_bodies(bodies, poses, out.shape[1], out)


def writing_bodies(config: BenchConfig) -> list[Row]:
    """Released scene files of 50 frames at 512 x 512, and reading them as 32 frames at 256 x 256."""
    count, cores = max(2, config.clips // 8), len(os.sched_getaffinity(0))
    asked = PhyreSimulateConfig(size="6", trials=count, count=count, num_frames=STORED_FRAMES, resolution=SIDE)
    clips = PhyreClipSet(phyre_scenes_of(asked), STORED_FRAMES, asked.split)
    frames, _ = clips.make(np.arange(2), SIDE)
    encoding = best(lambda: [encode_mp4(clip) for clip in frames], min(config.rounds, 3)) / len(frames)
    making = best(lambda: clips.make(np.arange(2), SIDE), min(config.rounds, 3)) / len(frames)
    note = f"the encoder is {100 * encoding / (encoding + making):.0f} % of the work"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for workers in sorted({1, cores}):
            start = time.perf_counter()
            simulate_phyre(replace(asked, out=f"{folder}/{workers}", workers=workers))
            rate = count / (time.perf_counter() - start)
            rows.append(Row(f"combinatorial, released HDF5, {workers} workers", rate, "videos/s", note))
        opened = open_phyre_clips(f"{folder}/1", 256, FRAMES)
        some = np.arange(min(count, 8))
        reading = len(some) / best(lambda: opened.clips(some), min(config.rounds, 3))
    note = f"all {STORED_FRAMES} frames of 512 x 512 decoded, {FRAMES} averaged down"
    return [*rows, Row("combinatorial, released HDF5 read, 256 x 256", reading, "videos/s", note)]
