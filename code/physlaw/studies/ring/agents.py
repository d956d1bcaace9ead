"""As attribute pairs."""

from physlaw.studies.attributes import agents
from physlaw.studies.ring.study import AGENTS

MAKERS = {name: agents.MAKERS[name] for name in AGENTS}
