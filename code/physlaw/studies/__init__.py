"""One folder per study: study.py says what it is, score.py scores a cell, report.py draws and decides."""

# The only list of studies, in the order of pages and tables.
NAMES = (
    *("id_ood", "combinatorial", "velocity_gap", "square_out", "memorization", "attributes", "ring"),
    *("composition", "modality", "resolution_and_length", "dose", "carrier", "probe"),
)
# The same in the order in which they are best run: what decides most for its cost first.
RUN_ORDER = (
    *("id_ood", "velocity_gap", "memorization", "attributes", "ring", "composition", "square_out"),
    *("resolution_and_length", "modality", "probe", "dose", "carrier", "combinatorial"),
)
