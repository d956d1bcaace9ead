"""Section 3 of the paper, in passing: uniform motion at twice the resolution, and trained three times as long.

Cells: uniform, uniform_fine (the same clips with twice the side), uniform_long (three times the steps) x seed. Scored
as id_ood. Decides C16. No torch, no numpy.
"""

TITLE = "Resolution and length of training"
QUESTION = "Does a model err less in distribution at twice the resolution, or when trained three times as long?"
CLAIMS = {
    "C16": "Twice the side or three times the steps are no better: log ratio of the ID error to the plain cell's; a "
    "help of more than a tenth must be excluded",
}
MARGIN = 0.1  # of the logarithm
BASE, OTHERS = "uniform", ("uniform_fine", "uniform_long")
NAMES = {"uniform": "plain", "uniform_fine": "twice the side", "uniform_long": "three times the steps"}
PAPER = "256 x 256 gives similar error to 128 x 128; 300K steps similar error to 100K"
