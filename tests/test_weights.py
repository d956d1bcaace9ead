import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from physlaw.errors import UserError
from physlaw.files import sha256_file
from physlaw.models.i3d import I3D, load_i3d
from physlaw.models.lpips import LPIPS, AlexNetFeatures
from physlaw.weights.catalogue import KINDS, list_weights
from physlaw.weights.convert import convert, read_published

HEADS = Path(torchmetrics.__file__).parent / "functional/image/lpips_models/alex.pth"  # the published file itself
OLD = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])


def read(path: Path) -> dict[str, Tensor]:
    return read_published(path, (sha256_file(path),))[0]


def digests(*paths: Path) -> str:
    return ",".join(sha256_file(path) for path in paths)


# The reader


@OLD
def test_every_type_and_view_is_read_as_it_was_saved(tmp_path: Path, zipped: bool) -> None:
    base = torch.randn(6, 5, 4)
    saved = {
        "whole": base,
        "part": base[2:4],
        "transposed": base.permute(2, 0, 1),
        "every other": base[::2, :, 1::2],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        **{str(kind): torch.arange(5).to(kind) for kind in (torch.float64, torch.float16, torch.bfloat16)},
        **{str(kind): torch.arange(5).to(kind) for kind in (torch.int64, torch.int32, torch.uint8, torch.bool)},
    }
    path = tmp_path / "weights.pth"
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    found = read(path)
    assert list(found) != []
    assert found.keys() == saved.keys()
    for name, value in saved.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@OLD
def test_state_dictionaries_and_nested_ones_are_named_by_their_keys(tmp_path: Path, zipped: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    path = tmp_path / "weights.pth"
    saved = {"state": model.state_dict(), "lr": 0.1, "list": [nn.Parameter(torch.ones(2))], "note": None}
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    expected = {f"state.{name}": value for name, value in model.state_dict().items()} | {"list.0": torch.ones(2)}
    found = read(path)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


class Call:
    """Saved so that loading it calls something."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.called = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.called


@OLD
@pytest.mark.parametrize("function", [os.system, eval, exec, print, torch.zeros, getattr], ids=lambda f: f.__name__)
def test_a_file_that_calls_anything_is_refused_and_nothing_is_called(
    tmp_path: Path, zipped: bool, function: Callable[..., Any]
) -> None:
    marker = tmp_path / "marker"
    arguments = {
        os.system: (f"touch {marker}",),
        eval: (f"open({str(marker)!r}, 'w')",),
        exec: (f"open({str(marker)!r}, 'w')",),
        print: ("called",),
        torch.zeros: (2,),
        getattr: ("", "join"),
    }[function]
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(2), "b": Call(function, *arguments)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"weights\.pth: not readable as weights: it names .*nothing of it was run"):
        read(path)
    assert not marker.exists()
    assert sorted(tmp_path.iterdir()) == [path]


def test_the_process_opens_imports_and_starts_nothing_even_where_it_is_told_to(tmp_path: Path) -> None:
    import subprocess
    import sys

    for escape in ("open('x', 'w')", "__import__('sqlite3')", "os.system('touch x')", "os.mkdir('x')", "eval('1')"):
        code = f"import os\nfrom physlaw.weights import reader\nreader.confine()\n{escape}\n"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode
        assert "which was not allowed" in done.stderr, escape
    assert not list(tmp_path.iterdir())


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"top/{name}", content)
    return path


class Saved:
    """Saved as a storage, of which the file may say what it likes."""

    def __init__(self, *description: Any) -> None:
        self.description = description


class Rebuilt:
    def __init__(self, storage: Saved, *view: Any) -> None:
        self.arguments = (storage, *view)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return torch._utils._rebuild_tensor_v2, (*self.arguments, False, {})


def described(value: Any) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            return thing.description if isinstance(thing, Saved) else None

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


FOUR = Saved("storage", torch.FloatStorage, "0", "cpu", 4)
LIAR = Saved("storage", torch.FloatStorage, "0", "cpu", 10**12)
CYCLE: list[Any] = []
CYCLE.append(CYCLE)
WIDE: list[Any] = []
for _ in range(60):
    WIDE = [WIDE] * 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Rebuilt(FOUR, 0, (5,), (1,)), "beyond its 4 numbers"),
        (Rebuilt(FOUR, 3, (2,), (1,)), "beyond its 4 numbers"),
        (Rebuilt(FOUR, 0, (2,), (10**15,)), "beyond its 4 numbers"),
        (Rebuilt(FOUR, 0, (10**9,), (0,)), "beyond its 4 numbers"),
        (Rebuilt(FOUR, -1, (2,), (1,)), "no whole numbers"),
        (Rebuilt(FOUR, 0, (2,), (-1,)), "no whole numbers"),
        (Rebuilt(FOUR, 0, (2.0,), (1,)), "no whole numbers"),
        (Rebuilt(FOUR, 0, (2, 2), (1,)), "2 sizes and 1 strides"),
        (Rebuilt(LIAR, 0, (10**12,), (1,)), "more than"),
        (Rebuilt(LIAR, 0, (4,), (1,)), "data/0 has 16 bytes, expected 4000000000000"),
        (Rebuilt(Saved("storage", torch.FloatStorage, "7", "cpu", 4), 0, (4,), (1,)), "lacks data/7"),
        (Rebuilt(Saved("storage", torch.FloatStorage, "0", "cpu", -4), 0, (4,), (1,)), "unknown way"),
        (Rebuilt(Saved("module", "anything"), 0, (4,), (1,)), "unknown way"),
        (Rebuilt(Saved("storage", torch.FloatStorage, "0", "cpu", 4, ("a view",)), 0, (4,), (1,)), "unknown way"),
        ({"a": {"b": Rebuilt(FOUR, 0, (4,), (1,))}, "a.b": Rebuilt(FOUR, 0, (4,), (1,))}, "two tensors are named"),
        (CYCLE, "nested too deeply"),
        (WIDE, "nested too deeply or holds too much"),
        ({"text": 1}, "holds no tensors"),
    ],
)
def test_a_description_that_does_not_fit_its_numbers_is_refused(tmp_path: Path, value: Any, message: str) -> None:
    members = {"data.pkl": described(value), "data/0": struct.pack("<4f", 1, 2, 3, 4)}
    with pytest.raises(UserError, match=message):
        read(archive(tmp_path / "weights.pth", members))


def test_the_archive_that_is_damaged_in_these_tests_is_a_good_one(tmp_path: Path) -> None:
    members = {"data.pkl": described(Rebuilt(FOUR, 0, (2, 2), (1, 2))), "data/0": struct.pack("<4f", 1, 2, 3, 4)}
    found = read(archive(tmp_path / "weights.pth", members))
    assert found[""].tolist() == [[1, 3], [2, 4]]


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    good = {"data.pkl": described(Rebuilt(FOUR, 0, (4,), (1,))), "data/0": bytes(16)}
    for members, compression, message in (
        ({"else": b""}, zipfile.ZIP_STORED, "not one of PyTorch"),
        (good, zipfile.ZIP_DEFLATED, "compressed"),
        (good | {"byteorder": b"big"}, zipfile.ZIP_STORED, "not little-endian"),
        (good | {"data.pkl": bytes(17 << 20)}, zipfile.ZIP_STORED, "17825792 bytes, expected 16777216"),
        (good | {"data.pkl": good["data.pkl"][:40]}, zipfile.ZIP_STORED, "damaged"),
    ):
        with pytest.raises(UserError, match=message):
            read(archive(tmp_path / "weights.pth", members, compression))
    whole = archive(tmp_path / "weights.pth", good).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.pth: not readable as weights: damaged"):
        read(tmp_path / "cut.pth")


def test_old_files_cut_anywhere_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(50), "b": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    for length in (10, 60, len(whole) // 2, len(whole) - 230, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="not readable as weights"):
            read(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"some text", pickle.dumps({"a": 1}), bytes(10_000)):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"neither a zip archive of PyTorch nor a file of torch\.save before 1\.6"):
            read(path)


def test_a_file_of_another_digest_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"no weights")
    with pytest.raises(UserError, match=f"SHA-256 is {sha256_file(path)}, expected {'0' * 64}"):
        read_published(path, ("0" * 64,))
    with pytest.raises(UserError, match="absent: no such file"):
        read_published(tmp_path / "absent", ("0" * 64,))


# LPIPS


@pytest.fixture
def alexnet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    state = {f"features.{name}": value for name, value in AlexNetFeatures().state_dict().items()}
    torch.save(state | {"classifier.6.bias": torch.ones(1000)}, tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


def test_the_published_heads_and_an_alexnet_become_a_file_that_lpips_reads(tmp_path: Path, alexnet: Path) -> None:
    assert sha256_file(HEADS) == KINDS["lpips_alexnet"].files[1][0].sha256
    out = tmp_path / "out" / "lpips.safetensors"
    text = convert("lpips_alexnet", [alexnet, HEADS], out, digests(alexnet, HEADS))
    assert text.startswith(f"{out}\nSHA-256 {sha256_file(out)}")
    lpips = LPIPS(out, sha256_file(out))
    saved = torch.load(alexnet)
    for name, value in saved.items():
        if name.startswith("features."):
            assert torch.equal(lpips.get_parameter(name), value)
    heads = torch.load(HEADS, map_location="cpu")
    for k in range(5):
        assert torch.equal(lpips.get_parameter(f"lin{k}.weight"), heads[f"lin{k}.model.1.weight"])
        assert (heads[f"lin{k}.model.1.weight"] >= 0).all()


def test_without_digests_only_the_published_files_are_taken(tmp_path: Path, alexnet: Path) -> None:
    with pytest.raises(UserError, match="expected 7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"):
        convert("lpips_alexnet", [alexnet, HEADS], tmp_path / "out.safetensors")


def test_files_in_the_wrong_order_are_refused_and_nothing_is_written(tmp_path: Path, alexnet: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match=r"alex\.pth: tensor features\.0\.weight is missing"):
        convert("lpips_alexnet", [HEADS, alexnet], out, digests(HEADS, alexnet))
    assert not out.exists()


def test_bad_arguments_of_a_conversion_are_named(tmp_path: Path, alexnet: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match=r"unknown kind of weights 'vgg'; valid: lpips_alexnet, i3d, sd15_vae"):
        convert("vgg", [alexnet], out)
    with pytest.raises(UserError, match=r"made of 2 files, got 1: alexnet-owt-7be5be79\.pth alex\.pth"):
        convert("lpips_alexnet", [alexnet], out)
    with pytest.raises(UserError, match="needs 2 digests"):
        convert("lpips_alexnet", [alexnet, HEADS], out, "0" * 64)
    with pytest.raises(UserError, match="'abc' is not a SHA-256"):
        convert("i3d", [alexnet], out, "abc")
    with pytest.raises(UserError, match="needs out="):
        convert("i3d", [alexnet], None, sha256_file(alexnet))


# I3D, from archives made as the published one is said to be made


class Container(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def scripted(path: Path, units: dict[str, nn.Module], epsilon: float = 1e-3) -> Path:
    """A TorchScript archive with our I3D's convolutions and normalisations at other places."""
    root = Container()
    for name, module in units.items():
        *parents, last = name.split(".")
        at: nn.Module = root
        for parent in parents:
            if parent not in dict(at.named_children()):
                at.add_module(parent, Container())
            at = at.get_submodule(parent)
        if isinstance(module, nn.BatchNorm3d):
            module.eps = epsilon
        at.add_module(last, module)
    with warnings.catch_warnings(action="ignore"):  # PyTorch has newer ways to save a module
        torch.jit.script(root.eval()).save(str(path))
    return path


def units_of(network: I3D, renamed: Callable[[str], str]) -> dict[str, nn.Module]:
    return {renamed(k): m for k, m in network.named_modules() if isinstance(m, nn.Conv3d | nn.BatchNorm3d)}


def kinetics_name(ours: str) -> str:
    branches = {"b0": "branch_0", "b1a": "branch_1.0", "b1b": "branch_1.1", "b2a": "branch_2.0", "b2b": "branch_2.1"}
    words = [(branches | {"b3b": "branch_3.1", "bn": "batch3d"}).get(word, word) for word in ours.split(".")]
    return ".".join(words).replace("Mixed", "mixed").replace("Conv3d_", "conv3d_").replace("logits", "conv3d_0c_1x1")


@pytest.fixture(scope="module")
def network() -> I3D:
    torch.manual_seed(0)
    network = I3D().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.uniform_(0.5, 1.5)
    return network


def same(network: I3D, out: Path) -> None:
    found, expected = load_i3d(out, sha256_file(out)).state_dict(), network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_torchscript_i3d_is_recognised_by_its_names(tmp_path: Path, network: I3D) -> None:
    path = scripted(tmp_path / "i3d.pt", dict(reversed(units_of(network, kinetics_name).items())))
    assert abs(path.stat().st_size - 51_235_320) < 500_000  # about the published one's
    out = tmp_path / "i3d.safetensors"
    assert "by the names of kinetics_i3d_pytorch" in convert("i3d", [path], out, sha256_file(path))
    same(network, out)


def test_a_torchscript_i3d_of_other_names_is_recognised_by_order_and_shape(tmp_path: Path, network: I3D) -> None:
    numbers = {name: f"layers.{k}" for k, name in enumerate(units_of(network, str))}
    path = scripted(tmp_path / "i3d.pt", units_of(network, numbers.__getitem__))
    out = tmp_path / "i3d.safetensors"
    assert "by order and shape" in convert("i3d", [path], out, sha256_file(path))
    same(network, out)


def test_a_state_dictionary_of_pytorch_i3d_is_taken_as_it_is(tmp_path: Path, network: I3D) -> None:
    path, out = tmp_path / "rgb.pt", tmp_path / "i3d.safetensors"
    torch.save(network.state_dict(), path)
    assert "by the names of pytorch-i3d" in convert("i3d", [path], out, sha256_file(path))
    same(network, out)
    assert not [name for name in load_file(out) if name.endswith("num_batches_tracked")]


def test_an_i3d_that_is_another_network_is_refused(tmp_path: Path, network: I3D) -> None:
    out, units = tmp_path / "i3d.safetensors", units_of(network, kinetics_name)
    one_less = {name: module for name, module in units.items() if name != "mixed_5c.branch_0.conv3d"}
    first, second, *others = units.values()
    turned = {f"turned.l{k}": module for k, module in enumerate([*others[:1], first, second, *others[1:]])}
    for wrong, epsilon, message in (
        (units, 1e-5, r"adds 1\S* to the variance, this network 0\.001"),
        (one_less, 1e-3, "has 57 convolutions, I3D has 58"),
        (turned, 1e-3, r"turned\.\S+ has shape \(64, 64, 1, 1, 1\), expected \(64, 3, 7, 7, 7\)"),
    ):
        path = scripted(tmp_path / "i3d.pt", wrong, epsilon)
        with pytest.raises(UserError, match=message):
            convert("i3d", [path], out, sha256_file(path))
    assert not out.exists()


# The VAE, and the list


def test_a_vae_is_only_checked(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    save_file({"decoder.conv_in.weight": torch.ones(2)}, path)
    assert sha256_file(path) in convert("sd15_vae", [path], sha256=sha256_file(path))
    with pytest.raises(UserError, match=r"expected a2b5\w+ or 6ce0\w+"):
        convert("sd15_vae", [path])
    with pytest.raises(UserError, match="give no out="):
        convert("sd15_vae", [path], tmp_path / "out")
    save_file({"unet.weight": torch.ones(2)}, path)
    with pytest.raises(UserError, match="is it a VAE"):
        convert("sd15_vae", [path], sha256=sha256_file(path))
    path.write_text("text")
    with pytest.raises(UserError, match="not readable as safetensors"):
        convert("sd15_vae", [path], sha256=sha256_file(path))


def test_the_list_names_every_file_its_source_and_its_hash() -> None:
    text = list_weights()
    for name, kind in KINDS.items():
        assert name in text
        for file in (file for editions in kind.files for file in editions):
            assert {len(file.sha256), len(bytes.fromhex(file.sha256))} == {64, 32}
            assert all(str(part) in text for part in (file.name, file.source, file.sha256, f"{file.size:,}"))
