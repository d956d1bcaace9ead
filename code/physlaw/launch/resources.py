"""What cells ask SLURM for, and which of them share an array."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from physlaw.config import CellConfig
from physlaw.launch.config import ClusterConfig, ShapeConfig

MEMORY = ("mem_gb", "mem_per_cpu", "mem_per_gpu")


def shape_of(cell: CellConfig, cluster: ClusterConfig) -> dict[str, Any]:
    """The resources that a cell asks for, as ShapeConfig has them; cells of one array ask for the same."""
    asked = {item.name: getattr(cluster, item.name) for item in fields(ShapeConfig)}
    own = cluster.per_model.get(cell.model.name, {})
    if set(MEMORY) & set(own):  # what a model says of memory replaces all that the site says of it
        asked.update(dict.fromkeys(MEMORY))
    asked.update(own)
    if cell.model.agent:
        asked.update(gpus=0, nodes=1)  # it has no network
    return {**asked, "tasks": asked["tasks"] or max(asked["gpus"], 1)}


def memory_of(shape: dict[str, Any]) -> dict[str, str]:
    """The one option of memory, by submitit's name; none where the site takes none."""
    if shape["mem_per_cpu"]:
        return {"mem_per_cpu": shape["mem_per_cpu"]}
    if shape["mem_per_gpu"] and shape["gpus"]:
        return {"mem_per_gpu": shape["mem_per_gpu"]}
    return {"mem": f"{shape['mem_gb']}GB"} if shape["mem_gb"] else {}


def gpus_of(shape: dict[str, Any], cluster: ClusterConfig) -> dict[str, Any]:
    """The one option of GPUs, as sbatch has it; none without GPUs."""
    if not shape["gpus"]:
        return {}
    if cluster.gres:
        return {"gres": cluster.gres.replace("{gpus}", str(shape["gpus"]))}
    if cluster.ask_gpus == "gpus":
        return {"gpus": shape["gpus"] * shape["nodes"]}
    return {"gpus-per-node": shape["gpus"]} if cluster.ask_gpus == "gpus-per-node" else {}


def shape_text(shape: dict[str, Any]) -> str:
    """For people: 2 nodes of 4 GPUs, 64 GB."""
    memory = memory_of(shape)
    said = "no memory asked" if not memory else f"{shape['mem_gb']} GB"
    for key in ("mem_per_cpu", "mem_per_gpu"):
        if key in memory:
            said = f"{memory[key]} per {key[-3:].upper()}"
    nodes = f"{shape['nodes']} nodes of " if shape["nodes"] > 1 else ""
    return f"{nodes}{shape['gpus']} GPUs, {said}" + (", whole nodes" if shape["exclusive"] else "")


def preparations(cell: CellConfig) -> list[tuple[str, str]]:
    """(stage, name) of the jobs that a cell waits for: its tokenizer, unless that is trained, and its latents."""
    if cell.tokenizer.kind != "vae":
        return []
    tokenizer = cell.tokenizer_run()[1]
    latents = [("latents", f"{tokenizer.name}-{cell.scenario}-n{cell.size}")]
    return latents if (tokenizer / "card.json").is_file() else [("tokenizer", tokenizer.name), *latents]


def arrays_of(
    cells: list[CellConfig], cluster: ClusterConfig, most: int
) -> list[tuple[dict[str, Any], list[CellConfig]]]:
    """Cells by resource shape and by what they wait for, at most so many in an array."""
    groups: dict[str, tuple[dict[str, Any], list[CellConfig]]] = {}
    for cell in cells:
        shape = shape_of(cell, cluster)
        groups.setdefault(repr((sorted(shape.items()), preparations(cell))), (shape, []))[1].append(cell)
    return [
        (shape, group[start : start + most]) for shape, group in groups.values() for start in range(0, len(group), most)
    ]
