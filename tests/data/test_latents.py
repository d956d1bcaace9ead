"""The latent cache: filled once, continued, shared between processes, checked, staged."""

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from physlaw.data.clips import RenderedClips
from physlaw.data.latents import LatentCache
from physlaw.errors import UserError
from physlaw.worlds.scenarios import SCENARIOS
from physlaw.worlds.scenes import training_scenes

SHAPE = (1, 8, 2, 2)


def codec(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames[:, ::4, ::8, ::8, 0]).float()[:, None] / 255


def negative(frames: np.ndarray) -> torch.Tensor:
    return -codec(frames)


class Counting:
    """A codec that counts the clips it has seen, and stops at a given call."""

    def __init__(self, stop_at: int = 0) -> None:
        self.seen, self.calls, self.stop_at = 0, 0, stop_at

    def __call__(self, frames: np.ndarray) -> torch.Tensor:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        self.seen += len(frames)
        return codec(frames)


def cache(root: Path, encode=codec, cond: int = 3, **options: object) -> LatentCache:  # type: ignore[no-untyped-def]
    clips = RenderedClips(training_scenes(SCENARIOS["uniform"], "300"), 16)
    return LatentCache(root, clips, encode, negative, SHAPE, cond, {"data": "x"}, **options)  # type: ignore[arg-type]


def test_a_stopped_fill_continues(tmp_path: Path) -> None:
    first, second, third = Counting(stop_at=3), Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path, first)
    stored = cache(tmp_path, second)
    assert (first.seen, second.seen) == (128, 300 - 128)
    x, cond = stored.pair(np.array([299, 0]))
    assert torch.equal(cond, -x)
    wanted = stored.stores[0].clips.clips(np.array([299, 0]))
    assert torch.allclose(x, codec(wanted), atol=1e-3)
    again = cache(tmp_path, third, cond=1)  # another number of condition frames shares the latents
    assert third.seen == 0
    assert torch.equal(again.pair(np.array([5]))[0], stored.pair(np.array([5]))[0])
    (folder,) = (p for p in tmp_path.iterdir())
    assert {p.name for p in folder.iterdir()} >= {"latents.bin", "condition-c1.bin", "condition-c3.bin"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_both_types_are_stored_in_two_bytes(tmp_path: Path, dtype: str) -> None:
    stored = cache(tmp_path, dtype=dtype)
    index = np.array([3, 250])
    wanted = codec(stored.stores[0].clips.clips(index))
    assert torch.equal(stored.pair(index)[0], wanted.to(getattr(torch, dtype)).float())
    assert stored.stores[0].data.stat().st_size == 300 * 32 * 2
    with pytest.raises(UserError, match="float16, bfloat16"):
        cache(tmp_path, dtype="int8")


def slow(frames: np.ndarray) -> torch.Tensor:
    time.sleep(0.2)
    return codec(frames)


def fill_and_sum(root: str) -> tuple[float, int]:
    counting = Counting()

    def encode(frames: np.ndarray) -> torch.Tensor:
        counting(frames)
        return slow(frames)

    stored = cache(Path(root), encode)
    return float(stored.pair(np.arange(300))[0].double().sum()), counting.seen


def test_several_jobs_may_start_at_once_and_one_fills(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        results = pool.map(fill_and_sum, [str(tmp_path)] * 3, chunksize=1)
    assert len({total for total, _ in results}) == 1
    assert sorted(seen for _, seen in results) == [0, 0, 300]


def test_cut_and_damaged_files_are_encoded_again(tmp_path: Path) -> None:
    index = np.arange(300)
    wanted = cache(tmp_path).pair(index)[0]
    (data,) = tmp_path.rglob("latents.bin")
    content = bytearray(data.read_bytes())
    content[5000] ^= 0xFF
    data.write_bytes(content)
    counting, told = Counting(), []
    assert torch.equal(cache(tmp_path, counting, say=told.append).pair(index)[0], wanted)
    assert counting.seen == 64
    assert "1 damaged chunks" in told[0]
    data.write_bytes(content[:1000])
    counting = Counting()
    assert torch.equal(cache(tmp_path, counting).pair(index)[0], wanted)
    assert counting.seen == 300


def test_the_space_is_reserved_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    counting = Counting()
    with monkeypatch.context() as patch:
        patch.setattr("os.posix_fallocate", full)
        with pytest.raises(OSError, match="No space"):
            cache(tmp_path, counting)
    assert counting.seen == 0
    cache(tmp_path, counting)
    assert counting.seen == 300


def test_a_finished_cache_is_copied_to_the_nodes_disk_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = cache(tmp_path / "shared")
    staged = cache(tmp_path / "shared", scratch=tmp_path / "node")
    assert torch.equal(plain.pair(np.arange(300))[1], staged.pair(np.arange(300))[1])
    assert all((tmp_path / "node") in store.data.parents for store in staged.stores)
    counting, told = Counting(), []
    again = cache(tmp_path / "shared", counting, scratch=tmp_path / "node")
    assert counting.seen == 0
    assert (tmp_path / "node") in again.stores[0].data.parents

    class Full:
        free, total = 10, 100

    monkeypatch.setattr("shutil.disk_usage", lambda path: Full)
    other = cache(tmp_path / "shared", scratch=tmp_path / "other", say=told.append)
    assert (tmp_path / "shared") in other.stores[0].data.parents
    assert "no room" in told[0]


def test_another_content_under_the_same_name_is_refused(tmp_path: Path) -> None:
    cache(tmp_path)
    (card,) = tmp_path.rglob("identity.json")
    card.write_text('{"data": "y"}')
    with pytest.raises(UserError, match="another content"):
        cache(tmp_path)
