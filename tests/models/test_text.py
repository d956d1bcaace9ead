import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from physlaw.errors import UserError
from physlaw.models import text
from physlaw.models.text import RandomTextEncoder, T5TextEncoder, TextEncoder, build_text_encoder

SENTENCE = "A red ball of radius 0.85 moves right."
TOKENS = 12  # 5 words, "0", ".", "8", "5", 2 words, "."


# Random


def test_a_word_a_digit_and_a_sign_are_a_token_each() -> None:
    embeddings, mask = RandomTextEncoder(16, 20)([SENTENCE, "", "ball"])
    assert (embeddings.shape, embeddings.dtype, mask.dtype) == ((3, 20, 16), torch.float32, torch.bool)
    assert mask.sum(1).tolist() == [TOKENS, 0, 1]
    assert mask[0].tolist() == [True] * TOKENS + [False] * (20 - TOKENS)
    assert not embeddings[~mask].any()


def test_the_random_vectors_have_unit_variance_and_depend_on_word_and_place() -> None:
    encoder = RandomTextEncoder(512, 8)
    (twice, other), _ = encoder(["red red blue", "red blue red"])
    assert twice[:3].var() == pytest.approx(1, abs=0.1)
    assert torch.equal(twice[0], other[0])
    for a, b in ((twice[0], twice[1]), (twice[2], other[1]), (twice[1], other[1])):
        assert not torch.allclose(a, b)
    # the word's part and the place's part add up
    assert torch.allclose(twice[1] - other[1], other[2] - twice[2], atol=1e-6)


def test_random_embeddings_do_not_depend_on_what_was_told_before_or_beside() -> None:
    fresh, used = RandomTextEncoder(8, 20), RandomTextEncoder(8, 20)
    used(["other words 3.21", "moves"])
    assert torch.equal(fresh([SENTENCE])[0][0], used(["A ball", SENTENCE])[0][1])


def test_the_random_seed_changes_vectors_and_digest_and_the_length_only_the_padding() -> None:
    base, seeded, longer = RandomTextEncoder(8, 20), RandomTextEncoder(8, 20, seed=1), RandomTextEncoder(8, 30)
    assert not torch.equal(base([SENTENCE])[0], seeded([SENTENCE])[0])
    assert torch.equal(base([SENTENCE])[0], longer([SENTENCE])[0][:, :20])
    assert base.digest == longer.digest
    assert len({base.digest, seeded.digest, RandomTextEncoder(9, 20).digest}) == 3


def test_another_process_gives_the_same_random_embeddings() -> None:
    program = (
        "from physlaw.models.text import RandomTextEncoder as R\n"
        f"encoder = R(8, 20, 3)\nprint(encoder([{SENTENCE!r}])[0].numpy().tobytes().hex(), encoder.digest)"
    )
    encoder = RandomTextEncoder(8, 20, 3)
    expected = [encoder([SENTENCE])[0].numpy().tobytes().hex(), encoder.digest]
    # The hash seed would change Python's own hash of a string.
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(Path(text.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().split() == expected


def test_longer_sentences_are_refused_and_never_cut() -> None:
    assert RandomTextEncoder(8, TOKENS)([SENTENCE])[1].all()
    with pytest.raises(UserError, match=rf"has {TOKENS} tokens, {TOKENS - 1} are allowed: 'A red ball"):
        RandomTextEncoder(8, TOKENS - 1)(["A", SENTENCE])


def test_no_sentence_gives_no_row() -> None:
    embeddings, mask = RandomTextEncoder(8, 5)([])
    assert (embeddings.shape, mask.shape) == ((0, 5, 8), (0, 5))


def test_the_encoder_is_found_by_its_name() -> None:
    encoder: TextEncoder = build_text_encoder("random", 8, 5, seed=2)
    assert encoder.digest == RandomTextEncoder(8, 5, 2).digest
    assert (encoder.dim, encoder.length) == (8, 5)


def test_impossible_random_encoders_are_refused() -> None:
    with pytest.raises(UserError, match="at least 1 token, got length 0"):
        RandomTextEncoder(8, 0)
    with pytest.raises(UserError, match="at least 1 dimension, got 0"):
        RandomTextEncoder(0, 8)


# T5


def folder_of_empty_files(path: Path) -> Path:
    path.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (path / name).write_text("")
    return path


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"no folder of a T5 encoder at {tmp_path}/t6; valid: random, or the path"):
        build_text_encoder(str(tmp_path / "t6"), 8, 5)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        folder = folder_of_empty_files(tmp_path / name.split(".")[0])
        (folder / name).unlink()
        (folder / "pytorch_model.bin").write_text("")
        with pytest.raises(UserError, match=rf"{folder}: no .*{name}"):
            T5TextEncoder(folder, 5)


def test_without_the_package_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install 'physlaw\[text\]'"):
        T5TextEncoder(folder_of_empty_files(tmp_path / "t5"), 5)


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of two small random layers, and a tokenizer of words and digits with an end mark."""
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    path = tmp_path_factory.mktemp("t5")
    words = ["<pad>", "</s>", "<unk>", *text.TOKEN.findall("A red ball of radius moves right . 0123456789")]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    split = tokenizers.pre_tokenizers
    tokenizer.pre_tokenizer = split.Sequence([split.Whitespace(), split.Digits(individual_digits=True)])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", vocabulary["</s>"])]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(path)
    torch.manual_seed(0)
    config = transformers.T5Config(vocab_size=len(words), d_model=16, d_kv=4, num_heads=4, d_ff=32, num_layers=2)
    transformers.T5ForConditionalGeneration(config).save_pretrained(path, safe_serialization=True)
    return path


def copied(t5: Path, tmp_path: Path) -> Path:
    for file in t5.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_t5_embeds_as_the_whole_model_does_without_padding(t5: Path) -> None:
    encoder = T5TextEncoder(t5, 20)
    embeddings, mask = encoder([SENTENCE, "", "A ball"])
    assert (embeddings.shape, embeddings.dtype, mask.dtype) == ((3, 20, 16), torch.float32, torch.bool)
    assert mask.sum(1).tolist() == [TOKENS + 1, 1, 3]  # the end mark is a token
    assert not embeddings[~mask].any()
    assert (encoder.dim, encoder.length) == (16, 20)
    whole: Any = pytest.importorskip("transformers").T5ForConditionalGeneration.from_pretrained(t5)
    ids = encoder.tokenizer(SENTENCE, return_tensors="pt")["input_ids"]
    assert torch.allclose(whole.eval().encoder(ids).last_hidden_state[0], embeddings[0, : TOKENS + 1], atol=1e-5)


def test_t5_embeddings_do_not_depend_on_the_other_sentences(t5: Path) -> None:
    encoder = T5TextEncoder(t5, 20)
    many = [f"A ball of radius {number}." for number in range(text.BATCH + 3)]
    embeddings, mask = encoder(many)
    for number in (0, text.BATCH, text.BATCH + 2):
        alone, real = encoder([many[number]])
        assert torch.allclose(alone[0], embeddings[number], atol=1e-5)
        assert torch.equal(real[0], mask[number])
    assert encoder([])[0].shape == (0, 20, 16)


def test_t5_refuses_longer_sentences(t5: Path) -> None:
    with pytest.raises(UserError, match=rf"has {TOKENS + 1} tokens, {TOKENS} are allowed"):
        T5TextEncoder(t5, TOKENS)([SENTENCE])


def test_the_t5_digest_is_of_the_files_that_decide_an_embedding(t5: Path, tmp_path: Path) -> None:
    folder = copied(t5, tmp_path)
    digest = T5TextEncoder(t5, 20).digest
    (folder / "README.md").write_text("another place, another reader")
    assert T5TextEncoder(folder, 10).digest == digest
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + "\n")
    assert T5TextEncoder(folder, 20).digest != digest


def test_t5_never_goes_on_with_random_weights(t5: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder, name = copied(t5, tmp_path), "encoder.block.1.layer.0.SelfAttention.k.weight"
    tensors = load_file(t5 / "model.safetensors")
    save_file(
        {key: value for key, value in tensors.items() if key != name}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(UserError, match=f"{folder}: tensors are missing: {name}"):
        T5TextEncoder(folder, 20)
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match=f"{folder}: not a readable T5 encoder"):
        T5TextEncoder(folder, 20)


def test_t5_of_another_width_than_the_models_is_refused(t5: Path) -> None:
    assert build_text_encoder(str(t5), 16, 20).dim == 16
    with pytest.raises(UserError, match=r"embeddings have 16 dimensions; set model\.text_dim=16"):
        build_text_encoder(str(t5), 512, 20)
