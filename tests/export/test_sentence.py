"""What is read from the sentence-transformers files, and from the tokenizer's."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from export.modules import Normalize
from export.sentence import SentenceConfig
from export.tokenizer import load_tokenizer
from export.verify import TEXTS
from handler.errors import ModelError
from tests.export.tiny import CONFIG, write_bert, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bert(tmp_path / "model")


def test_plain_model(folder: Path) -> None:
    sentence = SentenceConfig.read(folder)
    assert (sentence.dimension, sentence.max_tokens, sentence.pooling) == (32, 48, "mean")
    assert sentence.prompts == {"query": "", "document": ""}
    assert (sentence.steps, sentence.notes, sentence.lowercase) == ((Normalize(),), (), False)


def test_without_sentence_transformers_files_mean_pooling_is_assumed_and_said(folder: Path) -> None:
    for path in (folder / "modules.json", folder / "sentence_bert_config.json"):
        path.unlink()
    sentence = SentenceConfig.read(folder)
    assert (sentence.pooling, sentence.max_tokens) == ("mean", 64)
    assert sentence.notes == ("no modules.json: mean pooling and L2 normalisation assumed",)


def test_without_a_normalize_module_the_normalisation_is_said(folder: Path) -> None:
    kinds = {"Transformer": "", "Pooling": "1_Pooling"}
    write_json(
        folder / "modules.json",
        [{"type": f"x.{kind}", "path": path} for kind, path in kinds.items()],
    )
    assert "does not normalise" in SentenceConfig.read(folder).notes[0]


def test_transformer_in_a_folder_of_its_own(folder: Path) -> None:
    (folder / "0_Transformer").mkdir()
    for name in ("config.json", "model.safetensors", "vocab.txt", "sentence_bert_config.json"):
        shutil.move(folder / name, folder / "0_Transformer" / name)
    kinds = {"Transformer": "0_Transformer", "Pooling": "1_Pooling"}
    write_json(
        folder / "modules.json",
        [{"type": f"x.{kind}", "path": path} for kind, path in kinds.items()],
    )
    sentence = SentenceConfig.read(folder)
    assert (sentence.transformer, sentence.max_tokens) == (folder / "0_Transformer", 48)


@pytest.mark.parametrize(
    ("length", "tokenizer", "config", "expected"),
    [
        (None, {"model_max_length": 40}, {}, 40),
        (None, {"model_max_length": 10**30}, {}, 64),
        (500, {}, {}, 64),
        (None, {}, {"model_type": "roberta", "pad_token_id": 1}, 62),
    ],
)
def test_length_limit(
    length: int | None, tokenizer: Any, config: Any, expected: int, tmp_path: Path
) -> None:
    folder = write_bert(tmp_path / "model", **config)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": length})
    write_json(folder / "tokenizer_config.json", tokenizer)
    assert SentenceConfig.read(folder).max_tokens == expected


@pytest.mark.parametrize(
    ("config", "query", "document"),
    [
        ({"prompts": {"query": "query: ", "passage": "passage: "}}, "query: ", "passage: "),
        ({"prompts": {"query": "q: ", "document": "d: ", "passage": "p: "}}, "q: ", "d: "),
        ({"prompts": {"all": "text: "}, "default_prompt_name": "all"}, "text: ", "text: "),
        ({"prompts": {"clustering": "c: "}, "default_prompt_name": None}, "", ""),
        ({"prompts": None}, "", ""),
    ],
)
def test_prompts(config: Any, query: str, document: str, folder: Path) -> None:
    write_json(folder / "config_sentence_transformers.json", config)
    assert SentenceConfig.read(folder).prompts == {"query": query, "document": document}


@pytest.mark.parametrize("config", [{"pooling_mode_cls_token": True}, {"pooling_mode": "cls"}])
def test_pooling_is_read_in_either_spelling(config: Any, folder: Path) -> None:
    write_json(folder / "1_Pooling/config.json", config)
    assert SentenceConfig.read(folder).pooling == "cls"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ("cls", "mean")),
        ({"pooling_mode": ["mean", "max"]}, ("max", "mean")),
        ({"pooling_mode_weightedmean_tokens": True}, ("weightedmean",)),
    ],
)
def test_several_poolings_are_joined_in_their_usual_order(
    config: Any, expected: tuple[str, ...], folder: Path
) -> None:
    write_json(folder / "1_Pooling/config.json", config)
    sentence = SentenceConfig.read(folder)
    assert sentence.poolings == expected
    assert sentence.dimension == 32 * len(expected)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"pooling_mode_median": True}, "pooling_mode_median"),
        ({"pooling_mode": "attention"}, "attention"),
        ({"word_embedding_dimension": 32}, "none"),
    ],
)
def test_other_pooling_is_refused_by_name(config: Any, named: str, folder: Path) -> None:
    write_json(folder / "1_Pooling/config.json", config)
    with pytest.raises(ModelError, match=f"asks for the pooling {named}; only cls, max"):
        SentenceConfig.read(folder)


@pytest.mark.parametrize(
    "kinds",
    [
        ["Transformer", "Pooling", "CNN"],
        ["Transformer", "Normalize", "Pooling"],
        ["Transformer", "Normalize"],
        ["Transformer", "Pooling", "Pooling"],
        ["Router"],
        [],
    ],
)
def test_other_modules_are_refused_by_name(kinds: list[str], folder: Path) -> None:
    modules = [{"type": f"sentence_transformers.models.{k}", "path": ""} for k in kinds]
    write_json(folder / "modules.json", modules)
    write_json(folder / "config.json", CONFIG | {"pooling_mode": "mean"})
    with pytest.raises(ModelError, match=f"lists {', '.join(kinds) or 'nothing'}; only a Transf"):
        SentenceConfig.read(folder)


def test_dense_module_without_safetensors_is_refused_by_name(folder: Path) -> None:
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
    write_json(
        folder / "modules.json",
        [{"type": f"x.{kind}", "path": path} for kind, path in kinds.items()],
    )
    with pytest.raises(ModelError, match="2_Dense has no weights"):
        SentenceConfig.read(folder)


@pytest.mark.parametrize("content", ["{", "[1]", '"text"'])
def test_broken_config_is_named(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        SentenceConfig.read(folder)


def test_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no model: .*config\.json is missing"):
        SentenceConfig.read(tmp_path)


def test_tokenizer_built_from_a_vocabulary_is_the_published_one(
    default_weights: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        shutil.copy(default_weights / name, tmp_path / name)
    built = load_tokenizer(SentenceConfig.read(tmp_path))
    published = Tokenizer.from_file(str(default_weights / "tokenizer.json"))
    published.no_padding()
    published.no_truncation()
    assert [built.encode(text).ids for text in TEXTS] == [
        published.encode(text).ids for text in TEXTS
    ]


def test_cased_vocabulary_keeps_case_unless_the_model_says_otherwise(folder: Path) -> None:
    write_json(folder / "tokenizer_config.json", {"do_lower_case": False})
    assert "[UNK]" in load_tokenizer(SentenceConfig.read(folder)).encode("LICENSE").tokens
    write_json(folder / "sentence_bert_config.json", {"do_lower_case": True})
    assert load_tokenizer(SentenceConfig.read(folder)).encode("LICENSE").tokens == [
        "[CLS]",
        "license",
        "[SEP]",
    ]


def test_without_any_tokenizer(folder: Path) -> None:
    (folder / "vocab.txt").unlink()
    with pytest.raises(
        ModelError,
        match=r"has no tokenizer\.json, vocab\.txt, merges\.txt or Sent.*save_pretrained",
    ):
        load_tokenizer(SentenceConfig.read(folder))


def test_broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=f"cannot read the tokenizer in {folder}"):
        load_tokenizer(SentenceConfig.read(folder))
