"""From a study to its cells. No torch, no numpy: it runs on a bare login node."""
