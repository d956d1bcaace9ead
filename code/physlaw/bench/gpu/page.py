"""gpu.md: what gpu.json says, as a page. Nothing is computed here but ratios of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from physlaw.report.tables import MISSING, markdown

GOALS = {"dit_s": 0.25, "dit_b": 0.36, "dit_l": 0.43, "dit_xl": 0.46}  # MFU on an H100 or H200: goals, not measured
PUBLISHED_S = 0.229  # the best public figure for a model of DiT-S's size
Row = dict[str, Any]


def _shown(value: Any, pattern: str = "{}", scale: float = 1) -> str:
    if value is None or value == "":
        return MISSING
    return pattern.format(value * scale) if isinstance(value, (int, float)) else str(value)


def _unmeasured(row: Row) -> str:
    """Why a row has no numbers; empty where it has."""
    return f"failed: {row['error']}" if "error" in row else row.get("refused", "")


class Found:
    """gpu.json, asked for what the page needs."""

    def __init__(self, found: Row) -> None:
        self.found = found
        self.stages: dict[str, Row] = {stage["name"]: stage for stage in found["stages"]}

    def rows(self, *names: str) -> list[Row]:
        """The rows of some stages."""
        return [row for name in names if name in self.stages for row in self.stages[name]["rows"]]

    @property
    def device(self) -> Row:
        """Everything about the device in one."""
        return {key: value for row in self.rows("device") for key, value in row.items()}

    def way(self, stage: str, way: str) -> Row:
        """A stage's row of one way of computing a step, if it was measured."""
        return next((row for row in self.rows(stage) if row["way"] == way and "step_s" in row), {})


def title(found: Row) -> str:
    card = Found(found).device.get("card", "unknown device")
    return f"Dry run on {card}: no measurement" if found["dry"] else f"GPU report: {card}"


def versions(found: Row) -> str:
    """Device, driver and versions in one line."""
    known = Found(found).device
    names = {"card": "{}", "driver": "driver {}", "memory_gib": "{} GiB", "torch": "torch {}", "cuda": "CUDA {}"}
    names |= {"cudnn": "cuDNN {}", "triton": "triton {}", "python": "Python {}"}
    parts = [pattern.format(known[key]) for key, pattern in names.items() if known.get(key)]
    commit = found["provenance"]["commit"] or "unknown"
    return ", ".join([*parts, f"commit {commit[:10]}", f"code {found['provenance']['code_digest'][:10]}"])


def _training(known: Found) -> str:
    matmul = known.device.get("matmul_tflops")
    header = ["model", "way", "MFU goal", "MFU", "of the measured product", "s / step", "clips / s", "data stall",
              "peak GB", "clips at once", "compiled", "first step s"]  # fmt: skip
    rows = []
    for row in known.rows("train_s", "train_b", "train_l", "train_xl", "train_s_graphs", "deterministic"):
        goal = _shown(GOALS.get(row["model"]), "{:.0f} %", 100) if row["way"] == "own" else MISSING
        if why := _unmeasured(row):
            rows.append([row["model"], row["way"], goal, why, *[MISSING] * 8])
            continue
        product = row["model_gflops_per_s"] / 1e3 / matmul if matmul else None
        rows.append([
            row["model"], row["way"], goal, _shown(row["mfu"], "{:.1f} %", 100), _shown(product, "{:.1f} %", 100),
            _shown(row["step_s"], "{:.4f}"), _shown(row["clips_per_s"], "{:.1f}"),
            _shown(row["data_stall"], "{:.2f} %", 100), _shown(row["peak_memory_gb"], "{:.1f}"),
            _shown(row["batch_per_device"]), row["compiled"], _shown(row["first_step_s"], "{:.0f}"),
        ])  # fmt: skip
    lines = [
        markdown(header, rows) if rows else "Not measured.\n",
        f"Model FLOPs: 3 (24 L d^2 N + 4 L N^2 d) per clip; nothing that is computed twice counts. MFU is of "
        f"{_shown(known.device.get('peak_tflops'), '{:.3g}')} TFLOP/s ({known.device.get('peak_source', MISSING)}). "
        f"The goals are goals, set before any GPU was measured; the best public figure for DiT-S's size is "
        f"{100 * PUBLISHED_S:.1f} %.",
    ]
    own, plain = known.way("train_s", "own"), known.way("train_s", "eager float32")
    if own and plain:
        lines.append(f"DiT-S is {plain['step_s'] / own['step_s']:.1f} times as fast as eager in float32.")
    slow = known.way("deterministic", "deterministic")
    if own and slow:
        cost = slow["step_s"] / own["step_s"] - 1
        lines.append(f"Deterministic mode costs {100 * cost:+.1f} % of DiT-S's step.")
    return "\n".join(lines) + "\n"


def _switches(known: Found) -> str:
    own = known.way("switches", "own")
    header = ["way", "s / step", "times own", "MFU", "peak GB", "compiled", "first step s"]
    rows = []
    for row in [*known.rows("switches"), *known.rows("train_s_graphs")]:
        if why := _unmeasured(row):
            rows.append([row["way"], why, *[MISSING] * 5])
            continue
        ratio = row["step_s"] / own["step_s"] if own else None
        rows.append([
            row["way"], _shown(row["step_s"], "{:.4f}"), _shown(ratio, "{:.3f}"), _shown(row["mfu"], "{:.1f} %", 100),
            _shown(row["peak_memory_gb"], "{:.1f}"), row["compiled"], _shown(row["first_step_s"], "{:.0f}"),
        ])  # fmt: skip
    text = (
        "own: blocks compiled one by one, AdamW by torch, attention as torch chooses. A difference smaller than that "
        "of own and own again is noise.\n"
    )
    return (markdown(header, rows) if rows else "Not measured.\n") + "\n" + text


def _sampling(known: Found) -> str:
    rows = [
        [row["model"], str(row["batch_size"]), str(row["denoise_steps"]), _shown(row["clip_s"], "{:.4f}"),
         _shown(row["clips_per_s"], "{:.1f}"), _shown(row["tokenizer_s"] / row["clip_s"], "{:.0f} %", 100),
         _shown(row["mfu"], "{:.1f} %", 100), _shown(row["peak_memory_gb"], "{:.1f}")]
        for row in known.rows("sample_s")
    ]  # fmt: skip
    header = ["model", "batch", "steps", "s / clip", "clips / s", "of it the VAE", "MFU", "peak GB"]
    return markdown(header, rows) if rows else "Not measured.\n"


def _renderer(known: Found) -> str:
    own = known.way("train_s", "own")
    rows = []
    for row in known.rows("renderer"):
        share = row["render_s"] / own["step_s"] if own and row["clips"] == own["batch_size"] else None
        rows.append([
            row["scenario"], f"{row['clips']} x {row['resolution']} px", _shown(row["render_s"], "{:.2f}", 1e3),
            _shown(row["clips_per_s"], "{:.0f}"), _shown(row["fill_s"], "{:.2f}", 1e3),
            _shown(row["fill_gb_per_s"], "{:.0f}"), _shown(row["times_fill"], "{:.1f}"),
            _shown(share, "{:.2f} %", 100),
        ])  # fmt: skip
    header = ["scenario", "clips", "ms", "clips / s", "a fill's ms", "its GB/s", "times the fill", "of DiT-S's step"]
    return markdown(header, rows) if rows else "Not measured.\n"


def _smoke(known: Found) -> str:
    rows = []
    for row in known.rows("smoke"):
        if "error" in row:
            rows.append([row["cell"], row["error"], *[MISSING] * 5])
            continue
        here, there = row["error_here"], row["error_committed"]
        agree = MISSING
        if here is not None and there is not None:
            agree = "agree" if abs(here - there) <= row["tolerance"] * there else "DIFFER"
        rows.append([
            row["cell"], row["group"].upper(), _shown(here, "{:.3f}"), _shown(there, "{:.3f}"),
            agree if row["same_configuration"] else "other settings",
            _shown(row["train_s"], "{:.0f}"), _shown(row["train_s_committed"], "{:.0f}"),
        ])  # fmt: skip
    header = ["cell", "clips", "error here", "committed", "", "training s", "committed, on a CPU"]
    text = "Velocity errors; agree: within the study's tolerance of the committed number. All cells at once here.\n"
    return (markdown(header, rows) if rows else "Not measured.\n") + "\n" + text


def _vae(known: Found) -> str:
    rows, notes = [], [row["note"] for row in known.rows("vae") if "note" in row]
    for row in known.rows("vae"):
        if "note" in row:
            continue
        pair = []
        for group in ("id", "ood"):
            found = row["table_3"][group]
            low, high = (_shown(found[f"difference_{end}"], "{:.4f}") for end in ("low", "high"))
            pair.append(f"{_shown(found['difference'], '{:.4f}')} [{low}, {high}], {found['verdict']}")
        rows.append([
            _shown(row["trained_s"], "{:.0f}"), f"{row['step']} of {row['steps']}",
            _shown(row.get("reconstruction"), "{:.5f}"), *pair,
            f"{row['table_3']['id']['lost_balls']} / {row['table_3']['ood']['lost_balls']}",
            _shown(row.get("data_stall"), "{:.1f} %", 100), f"{row['save_s']} + {row['measure_s']}",
        ])  # fmt: skip
    header = ["trained s", "step", "squared error", "Table 3 ID: difference [95 %]", "OOD", "balls lost ID / OOD",
              "data stall", "saving + measuring s"]  # fmt: skip
    first = next((row for row in known.rows("vae") if "note" not in row), None)
    if first:
        notes.append(
            f"{first['side']} px, scenes: {first['scenes']}, batches of {first['batch_size']} clips, "
            f"{first['batch_per_device'] or 'all'} at once; Table 3 on {first['scenario']}: reconstruction error less "
            f"ground-truth error, accepted at most {first['limit']}."
        )
    return (markdown(header, rows) if rows else "Not measured.\n") + "".join(f"\n{note}\n" for note in notes)


def _tests(known: Found) -> str:
    rows = known.rows("tests")
    lines = [count_tests(rows) + "\n"]
    lines += [f"- {row['test']}: {row['outcome']}: {row['why']}\n" for row in rows if row["outcome"] == "failed"]
    reasons = sorted({row["why"] for row in rows if row["outcome"] == "skipped"})
    lines += [f"- skipped: {reason.removeprefix('Skipped: ')}\n" for reason in reasons]
    return "\n".join([lines[0], "".join(lines[1:])])


def count_tests(rows: list[Row]) -> str:
    counts = {name: sum(row["outcome"] == name for row in rows) for name in ("passed", "failed", "skipped")}
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _stages(known: Found) -> str:
    rows = [
        [stage["name"], stage["what"], stage["state"], _shown(stage["seconds"], "{:.0f}"),
         _shown(stage["limit_s"], "{:.0f}"), stage["why"] or ""]
        for stage in known.found["stages"]
    ]  # fmt: skip
    return markdown(["stage", "what", "state", "s", "at most", "why"], rows)


SECTIONS: dict[str, Callable[[Found], str]] = {
    "Training a step": _training,
    "Switches": _switches,
    "Generating": _sampling,
    "Drawing": _renderer,
    "The smoke study": _smoke,
    "The VAE": _vae,
    "Tests": _tests,
    "Stages": _stages,
}


def summary(found: Row) -> list[str]:
    """Ten lines at most."""
    known = Found(found)
    lines = [versions(found)]
    if known.device.get("matmul_tflops"):
        rate, copy = known.device["matmul_tflops"], known.device["copy_gb_per_s"]
        lines.append(f"matrix product {rate:.3g} TFLOP/s in {known.device['matmul_type']}, copy {copy:.0f} GB/s")
    lines.append(f"tests: {count_tests(known.rows('tests'))}")
    own = {row["model"]: row for name in ("s", "b", "l", "xl") for row in [known.way(f"train_{name}", "own")] if row}
    shown = [f"{name} {100 * row['mfu']:.1f} % (goal {100 * GOALS[name]:.0f})" for name, row in own.items()]
    lines.append("MFU: " + (", ".join(shown) or "not measured"))
    one = known.way("switches", "own")
    ways = [*known.rows("switches"), *known.rows("train_s_graphs")]
    ratios = [f"{row['way']} {row['step_s'] / one['step_s']:.3f}" for row in ways if one and "step_s" in row]
    lines.append("DiT-S's step against own: " + (", ".join(ratios) or "not measured"))
    for row in known.rows("sample_s"):
        lines.append(f"generating with {row['model']}: {row['clips_per_s']} clips/s")
    drawn = [f"{row['scenario']} {row['times_fill']} times a fill" for row in known.rows("renderer")]
    lines.append("drawing: " + (", ".join(drawn) or "not measured"))
    cells = [row for row in known.rows("smoke") if row.get("group") == "id"]
    lines.append(
        "smoke in distribution, here (committed): "
        + (
            ", ".join(
                f"{row['cell'].split('-')[0]} {_shown(row['error_here'], '{:.3f}')} "
                f"({_shown(row['error_committed'], '{:.3f}')})"
                for row in cells
            )
            or "not measured"
        )
    )
    last = [row for row in known.rows("vae") if "step" in row][-1:]
    lines += [f"VAE: step {row['step']}, Table 3 ID {row['table_3']['id']['verdict']}" for row in last]
    unfinished = [f"{stage['name']} {stage['state']}" for stage in found["stages"] if stage["state"] != "done"]
    lines.append(f"{found['seconds']:.0f} s; " + (", ".join(unfinished) or "every stage done"))
    return lines


def faults(found: Row) -> list[str]:
    """What went wrong, a few words each. In a rehearsal nothing may: there a cut or a failing test counts too."""
    wrong = ("failed", "cut", "skipped") if found["dry"] else ("failed",)
    named = [f"{stage['name']} {stage['state']}" for stage in found["stages"] if stage["state"] in wrong]
    if found["dry"]:
        rows = [(stage["name"], row) for stage in found["stages"] for row in stage["rows"]]
        named += [f"{name}: {row['error']}" for name, row in rows if "error" in row]
        named += [f"{row['test']} failed" for _, row in rows if row.get("outcome") == "failed"]
    return named


def page(found: Row) -> str:
    """The whole page."""
    known = Found(found)
    parts = [f"# {title(found)}\n", versions(found) + ".\n"]
    if found["dry"]:
        parts.append("A rehearsal: every stage at tiny sizes. No number here says anything about any device.\n")
    if found["state"] != "done":
        parts.append(f"{found['state'].capitalize()} after {found['seconds']:.0f} s; the rest was not reached.\n")
    parts += [f"Missing package: {name} ({use}).\n" for name, use in found["missing"].items()]
    parts.append("".join(f"- {line}\n" for line in summary(found)[1:]))
    parts += [f"## {name}\n\n{section(known)}" for name, section in SECTIONS.items()]
    return "\n".join(parts)
