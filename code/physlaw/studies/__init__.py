"""One folder per study: study.py says what it is, score.py scores a cell, report.py draws and decides."""

# The only list of studies, in the order of pages and tables.
NAMES = (
    *("id_ood", "combinatorial", "velocity_gap", "square_out", "memorization", "attributes", "ring"),
    *("composition", "modality", "resolution_and_length"),
)
