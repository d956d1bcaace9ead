"""Appendix A.5.1 of the paper: collisions, conditioned also on the initial state as numbers or as a sentence.

Cells: vision, + numbers, + text x data size x seed, one size of model (the paper's is DiT-B). Scored as id_ood. Decides
C14. No torch, no numpy.
"""

TITLE = "Numbers and text beside pictures"
QUESTION = "Does a model err less out of distribution when it is told the initial state as numbers or in words too?"
CLAIMS = {
    "C14": "Numbers or text do not help out of distribution: log ratio of the OOD error to vision only, mean over data "
    "sizes; a help of more than a tenth must be excluded",
}
MARGIN = 0.1  # of the logarithm: a tenth less error would be a help
MODALITIES = ("numbers", "text")
PAPER = "no help in distribution; out of it slightly worse with numbers, clearly worse with text"
