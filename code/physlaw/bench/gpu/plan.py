"""What a GPU report consists of: its stages, how long each may take, and what each needs. No torch."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field, replace
from typing import Any

from physlaw.errors import unknown
from physlaw.fields import check, ranged

HERE = "physlaw.bench.gpu"
CELLS = ("numba", "hydra", "omegaconf", "tensorboard", "tqdm", "safetensors")  # what a cell needs besides torch
USES = {  # every package that may be absent, and what of this program needs it
    "torch": "everything",
    "numba": "drawing clips on the CPU",
    "hydra": "every cell",
    "omegaconf": "every cell",
    "tensorboard": "training",
    "tqdm": "training",
    "safetensors": "training",
    "pandas": "scores",
    "scipy": "intervals of scores",
    "imageio": "the clips that training shows at its end",
    "PIL": "the same",
    "pytest": "the tests",
    "h5py": "files in the released layout, nothing here",
    "av": "mp4 files, nothing here",
    "pymunk": "worlds with walls and bodies, nothing here",
    "matplotlib": "figures, nothing here",
    "jinja2": "pages, nothing here",
}
SIZES = ("s", "b", "l", "xl")
# The same at sizes that a CPU manages in seconds.
TINY_MODEL = ("model.depth=1", "model.hidden_size=48", "model.num_heads=2", "diffusion.denoise_steps=2")
TINY = (*TINY_MODEL, "data.resolution=32", "tokenizer=vae_tiny", "train.batch_size=4", "eval.batch_size=2",
        "train.precision=auto", "machine.compile=off")  # fmt: skip
TINY_SMOKE = (*TINY_MODEL, "grid.sizes=[300]", "train.steps=20", "eval.id_clips=4", "eval.ood_clips=2")
LEAST_S = 8.0  # a stage that would have less is not begun
VAE_S = 60.0  # at least so long is kept for the VAE at the end
# What has no time left in 8 minutes is named; on an H100 all of it takes about 11 (most is compiling).
TOTAL_MINUTES, DRY_MINUTES = 8.0, 4.5


@dataclass
class GpuReportConfig:
    """Where to, how long, and which part."""

    out: str = "reproduced/gpu"  # gpu.json, gpu.md and gpu.log, written anew after every result
    dry: bool = False  # every stage at tiny sizes, on whatever device there is: a rehearsal, no measurement
    # in all, at most; 0: 8, and 4.5 with dry=true; every stage's own limit grows with it
    minutes: float = ranged(0.0, at_least=0)
    stages: tuple[str, ...] = ()  # some alone after the first, e.g. [train_s,vae]; none named: all
    runs: str = "runs"  # folder of run folders: the VAE goes on from its checkpoints there

    def __post_init__(self) -> None:
        check(self)
        for name in self.stages:
            if name not in STAGES:
                raise unknown("stage", name, STAGES)

    @property
    def usual_s(self) -> float:
        """What the stages' limits are made for."""
        return 60 * (DRY_MINUTES if self.dry else TOTAL_MINUTES)

    @property
    def total_s(self) -> float:
        return 60 * self.minutes or self.usual_s


@dataclass(frozen=True)
class Stage:
    """One part of the report: its function, "module:name", and the function's arguments besides the Report."""

    what: str
    limit_s: float
    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = CELLS


def missing_packages() -> list[str]:
    """Those of USES that are not installed here."""
    return [name for name in USES if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


STAGES = (
    *("device", "tests", *(f"train_{size}" for size in SIZES), "sample_s", "renderer", "smoke"),
    *("train_s_graphs", "deterministic", "switches", "vae"),
)


def stages_of(config: GpuReportConfig) -> dict[str, Stage]:
    """The asked stages in their order."""
    plan = _all_stages(config)
    assert tuple(plan) == STAGES
    longer = config.total_s / config.usual_s
    asked = {name: stage for name, stage in plan.items() if not config.stages or name in ("device", *config.stages)}
    return {name: replace(stage, limit_s=stage.limit_s * longer) for name, stage in asked.items()}


def _all_stages(config: GpuReportConfig) -> dict[str, Stage]:
    dry = config.dry
    train = f"{HERE}.training:train"
    tiny = TINY if dry else ()

    def paper(size: str, *words: str) -> list[str]:
        return ["profile=paper", f"model=dit_{size}", *tiny, *words]

    def ways(*named: tuple[str, list[str], int]) -> dict[str, Any]:
        return {"ways": [(name, words, min(steps, 3) if dry else steps) for name, words, steps in named]}

    def compiled(how: str) -> list[str]:
        return [f"machine.compile={how}"]

    plain = ["train.precision=float32", "machine.compile=off"]
    own = "own"
    return {
        "device": Stage("card, driver, versions, rates of a matrix product and a copy", 30, f"{HERE}.stages:device",
                        {"size": (1 << 24) if dry else (1 << 31)}, ()),
        "tests": Stage("pytest -m gpu", 110, f"{HERE}.stages:tests", {}, ("numba", "pytest")),
        "train_s": Stage("a training step of DiT-S, and eager in float32", 70, train,
                         ways((own, paper("s", *(compiled("blocks") if dry else [])), 20),
                              ("eager float32", paper("s", *plain), 5))),
        "train_b": Stage("a training step of DiT-B", 60, train, ways((own, paper("b"), 15))),
        "train_l": Stage("a training step of DiT-L", 60, train, ways((own, paper("l"), 8))),
        "train_xl": Stage("a training step of DiT-XL", 75, train, ways((own, paper("xl"), 8))),
        "sample_s": Stage("generating clips with DiT-S", 50, f"{HERE}.training:sample", {"words": paper("s")}),
        "renderer": Stage("the GPU renderer beside a fill of the same memory", 30, f"{HERE}.stages:renderer",
                          {"clips": 2 if dry else 256, "resolution": 32 if dry else 128}, ("numba",)),
        "smoke": Stage("the smoke study, beside its committed CPU numbers", 100, f"{HERE}.stages:smoke",
                       {"words": list(TINY_SMOKE if dry else ())}, (*CELLS, "pandas", "scipy", "imageio", "PIL")),
        "train_s_graphs": Stage("a training step of DiT-S, compiled whole as CUDA graphs", 80, train,
                                ways(("graphs", paper("s", *compiled("graphs")), 20))),
        "deterministic": Stage("a training step of DiT-S in deterministic mode", 45, train,
                               ways(("deterministic", paper("s", "machine.deterministic=true"), 20))),
        "switches": Stage("ways of computing the same step of DiT-S, one after the other", 75, train,
                          ways((own, paper("s"), 20),
                               ("fused update", paper("s", "machine.fused_update=true"), 20),
                               ("flash attention", paper("s", "machine.attention=flash"), 20),
                               ("cuDNN attention", paper("s", "machine.attention=cudnn"), 20),
                               ("own again", paper("s"), 20))),
        "vae": Stage("the paper's VAE at 128 px: its first minutes of training, and Table 3's row",
                     36 if dry else 60 * TOTAL_MINUTES, f"{HERE}.vae:train_vae",
                     {"words": ["profile=smoke_faithful"] if dry else
                      ["profile=paper", "machine.compile=off", f"runs={config.runs}"],
                      "every_s": 8.0 if dry else 60.0, "stop_s": 14.0 if dry else 30.0,
                      "clips": 2 if dry else 8}, (*CELLS, "pandas", "scipy", "imageio", "PIL")),
    }  # fmt: skip
