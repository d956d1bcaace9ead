"""A cell whose model is a reference agent: nothing is trained, and all else goes as for any model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from physlaw import agents
from physlaw.agents.config import base_name, parameters_of
from physlaw.cell.data import pixels_card, training_clips, world_of
from physlaw.code_digest import code_digest, units_of
from physlaw.config import CellConfig
from physlaw.evaluation.blocks import Evaluation
from physlaw.files import read_text, visible, write_json
from physlaw.provenance import provenance
from physlaw.schema import read_record
from physlaw.studies import registry
from physlaw.training import ranks


def agent_digest(cell: CellConfig) -> str:
    """What stands for an agent's weights: SHA-256 of its name and of the code that draws for it."""
    package, study = Path(str(agents.__file__)).parent, _study_agents(cell.study)
    digest = hashlib.sha256(f"{cell.model.agent} {code_digest()}".encode())
    for path in [*visible(package, "*.py"), Path(str(study.__file__))]:
        digest.update("\0".join(units_of(read_text(path))).encode())
    return digest.hexdigest()


def _study_agents(study: str) -> ModuleType:
    return registry.part(study, "agents")


def prepare_agent(cell: CellConfig) -> Evaluation:
    """The agent for studies to score; writes provenance.json, anew when its code has changed.

    Its size is what it pretends to have, its steps are none.
    """
    card, digest = cell.folder / "provenance.json", agent_digest(cell)
    if not card.exists() or read_record(card).get("weights_sha256") != digest:
        write_json(card, _card(cell, digest))
    training: Callable[[], Any] = partial(training_clips, cell)
    make = _study_agents(cell.study).MAKERS[base_name(cell.model.agent)]
    return Evaluation(make(cell, world_of(cell), training), cell, training, ranks.say)


def _card(cell: CellConfig, digest: str) -> dict[str, Any]:
    clips = training_clips(cell)
    return {
        "cell": cell.name,
        "config_digest": cell.digest(),
        "data_digest": clips.digest(),
        "tokenizer": pixels_card(cell),
        "parameters": parameters_of(cell.model.agent),
        "training_clips": len(clips),
        **({} if (counts := clips.counts()) is None else {"training_files": vars(counts)}),
        "steps": 0,
        "train_seconds": 0.0,
        "processes": 1,
        "compiled": False,
        "precision": "float64",
        "seeds": {"training": cell.seed, "data": cell.training_draw, "tokenizer": cell.tokenizer.seed},
        "weights_sha256": digest,
        **provenance(),
    }
