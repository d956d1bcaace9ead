"""Weights of trained cells for others: a float16 safetensors file with a card, and clips drawn from one.

A file has everything that its model needs in its header, as JSON: the cell's settings, its scores, where it was
trained. Reading it runs no code of the file's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from physlaw.cell.data import world_of
from physlaw.cell.folder import trained_weights
from physlaw.cell.machine import use_machine
from physlaw.cell.model import CellModel
from physlaw.config import CellConfig
from physlaw.csv_file import RERUN, read_csv
from physlaw.data.video import encode_gif, encode_video, side_by_side
from physlaw.errors import UserError
from physlaw.evaluation.velocity import VelocityErrors, velocity_errors
from physlaw.files import write_bytes, write_text
from physlaw.models.tokenizers import build_tokenizer
from physlaw.render.discs import render_clips
from physlaw.schema import SCHEMA, check_schema, read_record
from physlaw.studies import registry
from physlaw.training import ranks
from physlaw.training.state import save_tensors
from physlaw.words import build
from physlaw.worlds import laws
from physlaw.worlds.initial_values import initial_values
from physlaw.worlds.scenes import coloured_trajectory
from physlaw.worlds.streams import stream_key, uniforms

KEY = "physlaw"  # of the header
PRIVATE = ("runs", "scratch", "machine")  # how and where, which nobody else needs
PANEL_PX = 160
SUFFIXES = (".gif", ".mp4", ".npz")


def publish(cell: CellConfig, folder: Path) -> Path:
    """Write a finished cell's weights and card: <folder>/<study>-<table>-<cell>.safetensors and .md.

    Raises:
        UserError: the cell is a reference agent, has a tokenizer of its own weights, or has not finished.
    """
    if cell.model.agent or cell.tokenizer.learned:
        raise UserError(f"{cell.name}: weights are published of trained models on pixels")
    rows = cell.folder / "rows.csv"
    if not rows.is_file():
        raise UserError(f"cell {cell.name} has not finished ({cell.folder}); use `physlaw run` first")
    trained = read_record(cell.folder / "provenance.json")
    if trained["config_digest"] != cell.digest():
        raise UserError(f"{cell.folder} was run with another configuration than {cell.name} has now; remove it")
    scores = {
        str(row["group"]): round(float(row["generated_corrected"]), 4)
        for row in read_csv(rows, RERUN).to_dict("records")
        if "generated_corrected" in row and np.isfinite(row["generated_corrected"])
    }
    known = {
        "schema": SCHEMA,
        "cell": cell.name,
        "config": {name: value for name, value in cell.resolved().items() if name not in PRIVATE},
        "config_digest": cell.digest(),
        "trained_weights_sha256": trained_weights(cell),  # of the float32 ones that were scored
        "scores": scores,
        **{name: trained[name] for name in ("parameters", "training_clips", "steps", "precision", "commit")},
        "hardware": trained["hardware"],
    }
    tensors = {name: value.half() for name, value in load_file(cell.folder / "model.safetensors").items()}
    path = folder / f"{cell.study}-{cell.table}-{cell.name}.safetensors"
    save_tensors(path, tensors, {KEY: json.dumps(known)})
    write_text(path.with_suffix(".md"), _card(path.name, known))
    return path


def _card(name: str, known: dict[str, Any]) -> str:
    config = known["config"]
    hardware, data = known["hardware"], config["data"]
    asked = ("id", "ood") if "ood" in known["scores"] else known["scores"]
    scores = "".join(f"| {group} | {known['scores'][group]:.4f} |\n" for group in asked)
    return f"""# {known["cell"]}

`{name}`: a video diffusion transformer of {known["parameters"] / 1e6:.2f} M parameters ({config["model"]["name"]}),
float16.

- Data: scenario {config["scenario"]}, {known["training_clips"]} clips of {data["num_frames"]} frames,
  {data["resolution"]} x {data["resolution"]} pixels; it is shown {data["num_cond_frames"]}.
- Recipe: {config["recipe"]}, {known["steps"]} steps of {config["train"]["batch_size"]} clips, seed {config["seed"]}, \
{known["precision"]}.
- Trained on {hardware.get("accelerator") or hardware["processor"]}, commit {str(known["commit"])[:10]}; configuration
  {known["config_digest"][:12]}; float32 weights {known["trained_weights_sha256"][:12]}.
- For: clips of this scenario, as evidence of what such a model has learned. Not for: anything else.

| clips (id: in distribution, ood: out of it) | velocity error of the float32 weights, world units / s |
|---|---|
{scores}
    physlaw sample {name} scenario={config["scenario"]} {_example(config["scenario"])} out=clip.gif
"""


def _example(name: str) -> str:
    """A scene of the training region, as words."""
    scenario = registry.scenario(name)
    scenes = scenario.trained.sample(np.random.default_rng(0), 100)
    possible = scenes if scenario.feasible is None else scenes[scenario.feasible(scenes)]
    return " ".join(f"{factor}={value:.3g}" for factor, value in zip(scenario.factors, possible[0], strict=True))


def read_published(path: Path) -> CellModel:
    """The model of a published file.

    Raises:
        UserError: no such file, not one of these, cut off, or of a newer schema.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; physlaw publish writes published weights")
    try:
        with safe_open(path, "pt") as stream:
            header = stream.metadata() or {}
        known = json.loads(header[KEY])
        check_schema(known["schema"], path)
        cell = build(CellConfig, known["config"])
        model = CellModel(
            cell, build_tokenizer(cell.tokenizer, world_of(cell).picture, cell.data.resolution).to(ranks.device())
        )
        tensors = {name: value.float() for name, value in load_file(path).items()}
        model.model.load_state_dict(tensors, strict=False)
        missing = {name for name, _ in model.model.named_parameters()} ^ set(tensors)
    except UserError:
        raise
    except (SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: not published weights, or damaged ({type(error).__name__})") from None
    if missing:
        raise UserError(f"{path}: not published weights, or damaged (tensors {', '.join(sorted(missing)[:3])})")
    return model


def sample(path: Path, name: str, values: Mapping[str, str], out: Path, seed: int = 0, steps: int | None = None) -> str:
    """Draw one clip beside the true one into `out`, and say both speeds in a line.

    Args:
        name: of the scenario; "": the one that it was trained on.
        values: every initial value of the scene, as text.
        seed: of the noise, and of where the scene begins.
        steps: of denoising, if not the cell's own.
    Raises:
        UserError: as read_published and where.initial_values; the model was trained on other clips than the scenario's
            picture; out has another ending than SUFFIXES.
    """
    if out.suffix not in SUFFIXES:
        raise UserError(f"out={out}: give a name that ends in {', '.join(SUFFIXES)}")
    model = read_published(path)
    name = name or model.cell.scenario
    scenario, data = registry.scenario(name), model.cell.data
    if registry.world(name).picture != registry.world(model.cell.scenario).picture:
        raise UserError(f"scenario={name} shows other objects than {model.cell.scenario}, which {path} was trained on")
    if model.cell.model.modality != "vision":
        raise UserError(f"{path} is told the initial state of its own blocks' scenes; only vision models are sampled")
    use_machine(model.cell.machine)
    init = initial_values(scenario, name, values)
    start = scenario.place(init, uniforms(stream_key("sample", name, seed), np.arange(1), scenario.num_draws))
    positions = scenario.move(init, start.start, data.num_frames, laws.as_contact(data.contact))
    looks = coloured_trajectory(positions, scenario.radii(init), *scenario.looks(init))
    true = render_clips(looks, data.resolution, data.method)
    drawn = model.generate(true, "sample", np.array([seed]), steps, seed)
    errors = velocity_errors(scenario, init, positions, drawn, method=data.method)
    _write(out, true[0], drawn[0])
    return f"{out}: true left, drawn right; {_speeds(errors)}"


def _write(out: Path, true: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> None:
    if out.suffix == ".npz":
        np.savez_compressed(out, true=true, drawn=drawn)
        return
    both = side_by_side([true, drawn], PANEL_PX)
    write_bytes(out, encode_gif(both) if out.suffix == ".gif" else encode_video(both))


def _speeds(errors: VelocityErrors) -> str:
    """Time-mean velocities, true and tracked, of every ball."""
    texts = []
    for true, tracked in zip(errors.true_velocity[0], errors.velocity[0], strict=True):
        found = "no ball found" if not np.isfinite(tracked).all() else f"({tracked[0]:.2f}, {tracked[1]:.2f})"
        texts.append(f"true velocity ({true[0]:.2f}, {true[1]:.2f}), drawn {found}")
    return "; ".join(texts)
