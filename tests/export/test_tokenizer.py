"""Tokenizers of models that have no tokenizer.json."""

from pathlib import Path

from tokenizers import pre_tokenizers

from export.sentence import SentenceConfig
from export.tokenizer import load_tokenizer
from tests.export.tiny import write_bert, write_json


def test_vocabulary_of_an_mpnet(tmp_path: Path) -> None:
    folder = write_bert(tmp_path)
    words = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "the", "work", "##s", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    encoding = load_tokenizer(SentenceConfig.read(folder)).encode("The works")
    assert encoding.tokens == ["<s>", "the", "work", "##s", "</s>"]


def test_merges_of_a_roberta(tmp_path: Path) -> None:
    folder = write_bert(tmp_path)
    (folder / "vocab.txt").unlink()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words = [*special, *letters, "th", "the", "\u0120the", "<mask>"]
    write_json(folder / "vocab.json", {word: number for number, word in enumerate(words)})
    merges = "#version: 0.2\nt h\nth e\n\u0120 the\n"
    (folder / "merges.txt").write_text(merges, "utf-8")
    tokenizer = load_tokenizer(SentenceConfig.read(folder))
    assert tokenizer.encode("the the").tokens == ["<s>", "the", "\u0120the", "</s>"]
    assert tokenizer.encode("the<mask>").tokens == ["<s>", "the", "<mask>", "</s>"]
    pair = tokenizer.encode("the", "the").tokens
    assert pair == ["<s>", "the", "</s>", "</s>", "the", "</s>"]
