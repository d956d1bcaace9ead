"""Names of reference agents. An agent is chosen like a model, model=agent_NAME; each study.py lists those that apply.

No torch and no numpy.
"""

from __future__ import annotations

PREFIX = "agent_"
PARAMETERS = {"s": 22_460_000, "b": 89_450_000, "l": 310_030_000, "xl": 456_050_000}  # of the paper's models
MODALITIES = ("numbers", "text")


def is_agent(model: str) -> bool:
    """Whether a model's name, e.g. in metrics.csv, is a reference agent's."""
    return model.startswith(PREFIX)


def base_name(agent: str) -> str:
    """An agent's name without the size or the modality that it is run with: scaling_law_s is a scaling_law."""
    base, _, suffix = agent.rpartition("_")
    return base if base and suffix in (*PARAMETERS, *MODALITIES) else agent


def suffix_of(agent: str) -> str:
    """The size or modality that base_name leaves out, or nothing."""
    return agent[len(base_name(agent)) + 1 :]


def parameters_of(agent: str) -> int:
    """How many parameters an agent of a size pretends to have; 0 of one without a size."""
    return PARAMETERS.get(suffix_of(agent), 0)
