"""Tokenizers from SentencePiece files, compared with SentencePiece itself and with transformers."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from export.sentence import SentenceConfig
from export.sentencepiece_tokenizer import FILES
from export.tokenizer import load_tokenizer
from export.verify import SAMPLE, TEXTS
from handler.errors import ModelError
from tests.export.tiny import LICENSE, write_bert, write_json

sentencepiece = pytest.importorskip(
    "sentencepiece", reason="SentencePiece is not installed; run: make install"
)

FAIRSEQ = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}
BERT = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
ENDS = {"bos_piece": "[CLS]", "eos_piece": "[SEP]"}
ALBERT = {**BERT, **ENDS, "pad_piece": "<pad>", "unk_piece": "<unk>"}
DEBERTA = {**BERT, **ENDS, "pad_piece": "[PAD]", "unk_piece": "[UNK]"}
# Class, file, and how the pieces of such a model are numbered.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "XLMRobertaTokenizer": ("sentencepiece.bpe.model", FAIRSEQ),
    "CamembertTokenizer": ("sentencepiece.bpe.model", FAIRSEQ),
    "AlbertTokenizer": ("spiece.model", ALBERT),
    "DebertaV2Tokenizer": ("spm.model", DEBERTA),
}
VARIED = [
    *TEXTS,
    "",
    "  two  spaces ,  and tabs\tthere\n\nand lines  ",
    "ﬁne ½ Ⅷ ｆｕｌｌ ① naïve NAÏVE é",
    "``quoted'' text, 1,234 and 5,",
    "the <mask> and [MASK] of <s>this</s> [CLS]",
    "▁ under ▁ words",
    "\u200bzero\u200dwidth\ufeff \u00a0space",
]


def train(folder: Path, name: str, kind: str, **options: Any) -> Path:
    """Train a small model of the licence and of varied texts, as `name` in a model folder."""
    write_bert(folder)
    (folder / "vocab.txt").unlink()
    lines = [*LICENSE.read_text("utf-8").splitlines(), *SAMPLE.read_text("utf-8").splitlines()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*lines, *TEXTS]),
        model_prefix=str(folder / "trained"),
        model_type=kind,
        vocab_size=600,
        hard_vocab_limit=False,
        character_coverage=0.98,
        minloglevel=2,
        **options,
    )
    (folder / "trained.vocab").unlink()
    return (folder / "trained.model").rename(folder / name)


def built(folder: Path, tokenizer_class: str, **settings: Any) -> Tokenizer:
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": tokenizer_class, **settings})
    return load_tokenizer(SentenceConfig.read(folder))


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("tokenizer_class", FAMILIES)
def test_as_transformers_converts_it(tmp_path: Path, kind: str, tokenizer_class: str) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="needs transformers: run with .venv-optimum/bin/python"
    )
    name, options = FAMILIES[tokenizer_class]
    path = train(tmp_path, name, kind, **options)
    own = built(tmp_path, tokenizer_class)
    theirs = getattr(transformers, f"{tokenizer_class}Fast")(vocab_file=str(path))
    for text in VARIED:
        assert own.encode(text).ids == theirs(text)["input_ids"], text
    pair = theirs("the work", "of the licence")["input_ids"]
    assert own.encode("the work", "of the licence").ids == pair


@pytest.mark.parametrize("fallback", [False, True], ids=["unknown", "bytes"])
def test_as_sentencepiece_splits_it(tmp_path: Path, kind: str, fallback: bool) -> None:
    path = train(tmp_path, "sentencepiece.bpe.model", kind, byte_fallback=fallback, **FAIRSEQ)
    own = built(tmp_path, "XLMRobertaTokenizer")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in TEXTS:
        wanted = [number + 1 if number else 3 for number in theirs.encode(text)]
        assert own.encode(text, add_special_tokens=False).ids == wanted, text


@pytest.mark.parametrize("name", FILES)
def test_the_file_tells_the_family_where_nothing_else_does(tmp_path: Path, name: str) -> None:
    options = next(options for file, options in FAMILIES.values() if file == name)
    train(tmp_path, name, "unigram", **options)
    tokens = load_tokenizer(SentenceConfig.read(tmp_path)).encode("the work").tokens
    assert (tokens[0], tokens[-1]) in (("<s>", "</s>"), ("[CLS]", "[SEP]"))
    assert "".join(tokens[1:-1]) == "▁the▁work"


@pytest.mark.parametrize(
    ("content", "tokenizer_class", "problem"),
    [
        (b"no model", "XLMRobertaTokenizer", "is no SentencePiece model"),
        (b"", "XLMRobertaTokenizer", "has no piece for what is unknown"),
        (b"", "BigBirdTokenizer", "for 'BigBirdTokenizer', of which the ids are not known"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, content: bytes, tokenizer_class: str, problem: str
) -> None:
    write_bert(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(ModelError, match=f"spiece.model.*{problem}"):
        built(tmp_path, tokenizer_class)


def test_words_are_not_converted(tmp_path: Path) -> None:
    train(tmp_path, "spiece.model", "word")
    with pytest.raises(ModelError, match="only unigram and BPE"):
        built(tmp_path, "AlbertTokenizer")
