"""As attribute pairs."""

from physlaw.studies.attributes.agents import makers
from physlaw.studies.ring.sets import PAIR

MAKERS = makers(lambda scenario: PAIR)
