"""Imports point one way, and a bare machine can compose a study."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import physlaw
from physlaw.code_digest import NUMBERS, WORDS
from physlaw.studies import NAMES

PACKAGE = Path(physlaw.__file__).parent
NOT_EVERYWHERE = ("av", "imageio", "pymunk", "torchmetrics")  # machines that only train may lack them
# What each layer may import from the package, besides itself and what is common.
COMMON = {"code_digest", "errors", "fields", "files", "intervals", "lease", "config", "provenance", "terminal", "words"}
COMMON |= {"schema", "csv_file", "signals", "isolated", "jit", "profiles", "metric", "command_line"}
COMMON |= {"nested_values", "extras"}
BELOW = {"worlds", "render", "data", "models", "diffusion", "training", "tracking"}
ALLOWED = {
    "worlds": set(),
    "render": {"worlds"},
    "data": {"worlds", "render"},
    "models": {"worlds"},
    "diffusion": set(),
    "training": {"data", "models", "diffusion", "worlds"},
    "tracking": {"worlds", "render"},
    "evaluation": {"worlds", "render", "data", "tracking"},
    "agents": {"worlds", "render", "data", "evaluation"},
    "weights": {"models"},
    "report": {"data"},
    "label": {"data", "report", "worlds"},
    "studies": {"worlds", "render", "data", "models", "tracking", "evaluation", "report", "label", "agents"},
    "cell": {*BELOW, "evaluation", "report", "studies", "label", "agents"},
    "exam": {"worlds", "render", "data", "evaluation", "report", "compose", "studies"},
    "results": {"data", "report", "studies", "cell", "compose", "launch", "agents"},
    "launch": {"compose", "studies", "results", "agents"},
    "bench": {*BELOW, "evaluation", "report", "studies", "cell", "compose", "results", "launch"},
}


# Names of studies that are other things too: a world, a setting, words of everyday.
COMMON_WORDS = {"combinatorial", "attributes", "ring", "composition", "modality", "probe"}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def test_layers_import_one_way() -> None:
    for layer, allowed in ALLOWED.items():
        for path in (PACKAGE / layer).rglob("*.py"):
            parts = {tuple(name.split(".")[1:]) for name in imported(path) if name.startswith("physlaw.")}
            for used in parts:
                plain = len(used) > 1 and used[1] == "config"
                assert used[0] in allowed | COMMON | {layer} or plain, f"{path.name} imports {'.'.join(used)}"


def test_what_is_common_imports_no_package() -> None:
    for name in COMMON:
        parts = [one.split(".")[1:] for one in imported(PACKAGE / f"{name}.py") if one.startswith("physlaw.")]
        assert not [one for one in parts if one[0] not in COMMON and one[1:2] != ["config"]], name


def test_what_can_move_a_number_imports_nothing_that_the_code_digest_leaves_out() -> None:
    shown = {"label", "report", "agents"}  # of a finished cell; and what moves agents' numbers alone
    for layer in NUMBERS:
        assert ALLOWED[layer] <= {*NUMBERS, *(shown if layer in ("cell", "studies") else ())}, layer
    for path in (PACKAGE / "studies").rglob("*.py"):
        if not WORDS.fullmatch(path.relative_to(PACKAGE).as_posix()):
            assert not [
                name for name in imported(path) if name.split(".")[1:2] in (["label"], ["report"], ["agents"])
            ], path


def test_studies_see_a_codec_and_no_model_of_ours() -> None:
    """Of the networks they use those that metrics are made of."""
    metrics = {"physlaw.models.i3d", "physlaw.models.lpips"}
    for path in (PACKAGE / "studies").rglob("*.py"):
        assert {name for name in imported(path) if name.startswith("physlaw.models")} <= metrics, path


def test_no_file_outside_studies_names_a_study() -> None:
    """Neither by its package, nor in any text: what is special about one stands in its folder."""
    outside = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "studies" not in path.parents]
    alone = "|".join(name for name in NAMES if name not in COMMON_WORDS)
    named = re.compile(rf"\b({alone})\b|(study=|results/|studies[./])({'|'.join(NAMES)})\b")
    for path in outside:
        assert not (found := named.search(path.read_text())), f"{path}: {found[0]}"


def test_nothing_imports_the_command() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "physlaw.__main__" not in imported(path), path


def test_nothing_loads_pickles_or_instantiates() -> None:
    forbidden = ("torch.load", "pickle", "yaml.load(", "hydra.utils")
    for path in PACKAGE.rglob("*.py"):
        # The second is the name of a package that submitit needs, copied for the nodes.
        text = path.read_text().replace("allow_pickle=False", "").replace('"cloudpickle"', "")
        # One reader turns published weights into safetensors, restricted and in a process of its own.
        allowed = {"pickle"} if path == PACKAGE / "weights" / "reader.py" else set()
        assert not [word for word in forbidden if word in text and word not in allowed], path


def test_text_is_utf_8_whatever_the_locale() -> None:
    """Every call that opens a file or a process as text says so; files.read_text and write_text do."""
    for path in PACKAGE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            *of, name = ast.unparse(call.func).split(".")
            if of and of[-1] in ("os", "av", "archive"):
                continue
            keys = {keyword.arg for keyword in call.keywords}
            words = [part.value for part in ast.walk(call) if isinstance(part, ast.Constant)]
            text = bool(of) and name in ("read_text", "write_text")
            text |= name in ("open", "fdopen") and not any("b" in word for word in words if isinstance(word, str))
            text |= bool({"text", "universal_newlines"} & keys)
            assert not text or "encoding" in keys, f"{path.name}:{call.lineno}: {ast.unparse(call)}"


def run_without(code: str, *blocked: str) -> None:
    block = f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", block + code], check=True)


def test_cells_compose_without_torch_or_numpy() -> None:
    run_without(
        "from physlaw.launch.cells import study_cells\nassert len(study_cells(['profile=paper'])) == 28",
        "torch",
        "numpy",
        "numba",
        "pandas",
    )


def test_only_what_uses_them_imports_what_is_not_everywhere() -> None:
    names = (".".join(path.with_suffix("").relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("*.py"))
    modules = [name for name in names if not name.endswith("__init__")]
    run_without(f"import importlib\nfor name in {modules!r}: importlib.import_module(name)", *NOT_EVERYWHERE)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """As a user meets it: one line with the package's name, no traceback."""
    for blocked, words in (
        ("av", ["simulate", "scenario=uniform", "count=2", "resolution=64", "format=mp4", f"out={tmp_path / 'mp4'}"]),
        ("imageio", ["simulate", "count=2", "resolution=64", "format=mp4", f"out={tmp_path / 'mp4'}"]),
        ("pymunk", ["simulate", "scenario=combinatorial", "size=6", "count=1", f"out={tmp_path / 'bodies'}"]),
    ):
        block = f"import sys\nsys.modules[{blocked!r}] = None\nfrom physlaw.__main__ import main\n"
        done = subprocess.run(
            [sys.executable, "-c", f"{block}sys.exit(main({words!r}))"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 2, done.stderr
        assert f"simulate needs {blocked}, which this Python has not" in done.stderr
        assert "Traceback" not in done.stderr


def test_reports_draw_without_torch() -> None:
    run_without("import physlaw.report.page, physlaw.results.collect", "torch")
    every = "from physlaw.studies import NAMES, registry\nfor name in NAMES: registry.report_of(name)"
    run_without(every, "torch")


def test_code_folder_is_no_package() -> None:
    assert not (PACKAGE.parent / "__init__.py").exists()  # it would shadow a standard module
