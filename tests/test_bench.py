import json
from pathlib import Path

import pytest

from physlaw.bench.simulate import BenchConfig, bench


@pytest.mark.slow
def test_the_benchmark_measures_every_part_beside_its_reference(tmp_path: Path) -> None:
    rows = bench(BenchConfig(rounds=1, clips=8, out=str(tmp_path / "bench.json")))
    names = [row.name for row in rows]
    for part in ("dense formula", "law and rendering, 128", "physics alone", "3m, released", "HDF5", "scoring", "GPU"):
        assert any(part in name for name in names), part
    assert all("x dense" in row.note for row in rows if "law and rendering" in row.name)
    assert len(json.loads((tmp_path / "bench.json").read_text())["rows"]) == len(rows)
