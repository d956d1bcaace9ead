"""A cell's tokenizer: trained once for all cells of the same tokenizer and clip settings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from physlaw.cell.data import pixels_card, world_of
from physlaw.config import CellConfig
from physlaw.data.random_bodies import RandomScenes
from physlaw.data.random_objects import RandomObjectClips
from physlaw.errors import UserError
from physlaw.files import sha256_file, write_json
from physlaw.models.config import TokenizerConfig
from physlaw.models.pixels import PixelTokenizer
from physlaw.models.sd15 import load_sd15
from physlaw.models.tokenizers import build_tokenizer
from physlaw.models.vae import VideoVAE
from physlaw.provenance import provenance
from physlaw.schema import read_record
from physlaw.training import ranks
from physlaw.training.config import TrainConfig
from physlaw.training.loop import fit
from physlaw.training.state import TrainState, save_tensors
from physlaw.training.vae_task import VAETask, latent_statistics

STATISTICS_CLIPS = 256  # clips that the latents' mean and spread are measured on


def vae_train_config(config: TokenizerConfig, cell: TrainConfig) -> TrainConfig:
    """The loop's settings for a tokenizer: AdamW, warm-up, linear decay over the second half."""
    return TrainConfig(
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        betas=(0.5, 0.9) if config.adversarial_weight else (0.9, 0.999),  # critics: as Rombach et al. 2022
        warmup_steps=min(100, config.steps // 10),
        decay="linear",
        decay_start=0.5,
        ema_decay=0.995 if config.steps < 20_000 else 0.9999,
        precision=cell.precision,
        checkpoint_every=max(1, min(1000, config.steps // 10)),
        log_every=cell.log_every,
    )


def prepare_tokenizer(cell: CellConfig) -> tuple[PixelTokenizer | VideoVAE, dict[str, Any]]:
    """The cell's tokenizer, trained first if it learns and is not there yet.

    A VAE is shared by every cell of the same tokenizer and clip settings: <runs>/tokenizers/<name>-<digest>/.
    Returns it, and what is known of it: {"digest", "seconds", "steps"}.
    """
    tokenizer = build_tokenizer(cell.tokenizer, world_of(cell).picture, cell.data.resolution).to(ranks.device())
    if isinstance(tokenizer, PixelTokenizer):
        return tokenizer.eval(), pixels_card(cell)
    run, folder = cell.tokenizer_run()
    weights, card = folder / "vae.safetensors", folder / "card.json"
    with ranks.leased_by_main(
        folder, "the tokenizer", patience_s=math.inf, say=ranks.say
    ):  # one cell trains it, others wait
        if ranks.on_main(lambda: not card.exists()):
            _train_tokenizer(cell, run, folder)
    known = read_record(card, "sha256", "seconds")
    if sha256_file(weights) != known["sha256"]:
        raise UserError(f"{weights} is damaged (SHA-256 differs from card.json); remove {folder} to train it again")
    tokenizer.load_state_dict(load_file(weights))
    return tokenizer.eval(), {"digest": known["sha256"], "seconds": known["seconds"], "folder": folder.name}


def tokenizer_task(cell: CellConfig) -> VAETask:
    """What trains the cell's VAE, from its initial weights on."""
    torch.manual_seed(cell.tokenizer.seed)
    tokenizer = build_tokenizer(cell.tokenizer).to(ranks.device())
    assert isinstance(tokenizer, VideoVAE)
    if cell.tokenizer.initial_file:
        load_sd15(tokenizer, Path(cell.tokenizer.initial_file), cell.tokenizer.initial_sha256)
    supply = RandomObjectClips if cell.tokenizer.scenes == "objects" else RandomScenes
    clips = supply(cell.data.resolution, cell.tokenizer.train_frames, cell.tokenizer.seed)
    return VAETask(tokenizer, clips, cell.tokenizer, ranks.device())


def use_average(vae: VideoVAE, task: VAETask, state: TrainState, count: int = STATISTICS_CLIPS) -> None:
    """Give a VAE the moving average's weights, and the statistics of its latents over `count` of the task's clips."""
    own = {name.removeprefix("vae."): value for name, value in state.ema.items() if name.startswith("vae.")}
    vae.load_state_dict(own, strict=False)
    # They read the posterior means; without set statistics encode and decode are the raw VAE.
    vae.eval().set_statistics(*latent_statistics(vae, task.clips, count))


def _train_tokenizer(cell: CellConfig, run: str, folder: Path) -> None:
    """Write vae.safetensors and card.json."""
    ranks.say(f"training tokenizer {folder.name}: {cell.tokenizer.steps} steps")
    task = tokenizer_task(cell)
    state, report = fit(task, vae_train_config(cell.tokenizer, cell.train), folder, run, folder.name, cell.machine)

    def save() -> None:
        use_average(task.vae, task, state)
        weights = folder / "vae.safetensors"
        save_tensors(weights, {k: v.detach().cpu().contiguous() for k, v in task.vae.state_dict().items()})
        known = {
            "settings": cell.tokenizer.identity(),
            "sha256": sha256_file(weights),
            "seconds": round(report.seconds, 1),
        }
        write_json(folder / "card.json", known | {"resumed_from": report.resumed_from, "provenance": provenance()})

    ranks.on_main(save)
