"""What a cell costs: model FLOPs from its configuration, and hours at a stated utilisation. No torch."""

from __future__ import annotations

import math

from physlaw.config import CellConfig
from physlaw.launch.config import ClusterConfig


def tokens_per_clip(cell: CellConfig) -> int:
    """Tokens that the transformer sees for one clip."""
    time, space = cell.tokenizer.strides
    frames, rows, columns = cell.model.patch_size
    side = 1 if cell.tokenizer.kind == "states" else cell.data.resolution // space  # one token per frame
    return math.ceil(cell.data.num_frames / time / frames) * math.ceil(side / rows) * math.ceil(side / columns)


def training_flops(cell: CellConfig) -> float:
    """Floating-point operations of training the transformer: 3 (24 L d^2 N + 4 L N^2 d) per clip.

    L blocks of width d on N tokens, MLP ratio 4; forward once, backward twice. Embeddings, modulation, the tokenizer
    and evaluation are left out. A reference agent trains nothing.
    """
    if cell.model.agent:
        return 0.0
    tokens, width = tokens_per_clip(cell), cell.model.hidden_size
    matrices = (8 + 4 * cell.model.mlp_ratio) * width**2 * tokens
    attention = 4 * tokens**2 * width
    clips = cell.train.steps * cell.train.batch_size
    return 3.0 * cell.model.depth * (matrices + attention) * clips


def gpu_hours(cell: CellConfig, cluster: ClusterConfig) -> float:
    """GPU-hours of training at the cluster's stated peak and utilisation."""
    mfu = cluster.mfu_per_model.get(cell.model.name, cluster.mfu)
    return training_flops(cell) / (cluster.peak_tflops * 1e12 * mfu) / 3600
