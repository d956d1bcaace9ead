"""physlaw: do video diffusion models learn physical laws, or copy the nearest training case?

The study of Kang et al., "How Far is Video Generation from World Model: A Physical Law Perspective"
(arXiv 2411.02385), as a package: `worlds` (state and laws), `render` (frames), `data` (clips, files),
`models`, `diffusion`, `training`, `evaluation` (physics read back from pixels), `studies`, `launch`, `report`.
"""

__version__ = "0.1.0"
