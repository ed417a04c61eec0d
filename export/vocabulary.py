"""A vocabulary cut to the writing systems in use: the tokens of the others leave graph and tokenizer.

A text in the scripts that stay gets the vector that it had, to the bit; see `prune` for the exception.
"""

import json
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from tokenizers import Tokenizer

from handler.errors import ModelError

# The first words of the Unicode names of their letters, marks and digits.
SCRIPTS = (
    "latin greek cyrillic armenian georgian hebrew arabic syriac thaana ethiopic devanagari bengali "
    "gurmukhi gujarati oriya tamil telugu kannada malayalam sinhala thai lao tibetan myanmar khmer "
    "mongolian cjk hiragana katakana bopomofo hangul"
).split()
Json = dict[str, Any]


def check_scripts(scripts: Sequence[str]) -> None:
    """Raise ModelError if one of `scripts` is not known."""
    for name in scripts:
        if name not in SCRIPTS:
            raise ModelError(f"there is no script {name!r} to keep; known are {', '.join(SCRIPTS)}")


def prune(
    model: onnx.ModelProto, tokenizer: Tokenizer, scripts: Sequence[str]
) -> tuple[Tokenizer, tuple[str, ...]]:
    """Leave out tokens with a character of a script that is not in `scripts`.

    Digits, signs and special tokens stay. What is left out is read as unknown. A text changes only
    if one of its tokens was left out; a token that mixes scripts is.

    Args:
        model: the fp32 graph; its table of word embeddings is cut in place.
        tokenizer: of that graph.
        scripts: names of SCRIPTS; without any, all tokens stay.

    Returns:
        The tokenizer, and a note if tokens were left out.

    Raises:
        ModelError: the vocabulary is neither WordPiece nor unigram, or the graph has no such table.
    """
    if not scripts:
        return tokenizer, ()
    content: Json = json.loads(tokenizer.to_str())
    pieces = _pieces(content["model"])
    special = {each["id"] for each in content["added_tokens"]}
    special |= {content["model"].get("unk_id")}
    dropped = set(SCRIPTS) - set(scripts)
    kept = [
        number
        for number, piece in enumerate(pieces)
        if number in special or not any(script_of(char) in dropped for char in piece)
    ]
    beyond = sorted(number for number in special if number is not None and number >= len(pieces))
    _cut_table(model.graph, [*kept, *beyond])
    new = {old: number for number, old in enumerate([*kept, *beyond])}
    _renumber(content, new, kept)
    note = f"{len(pieces) - len(kept):,} tokens of other scripts than {', '.join(scripts)} left out"
    return Tokenizer.from_str(json.dumps(content)), (note,)


@cache
def script_of(char: str) -> str:
    """Return the script of a character as SCRIPTS names it, or else another word."""
    return unicodedata.name(char, "").partition(" ")[0].lower()


def _pieces(model: Json) -> list[str]:
    """List the vocabulary by id."""
    if model["type"] == "Unigram":
        return [piece for piece, _ in model["vocab"]]
    if model["type"] == "WordPiece":
        words: dict[str, int] = model["vocab"]
        pieces = [""] * (max(words.values()) + 1)
        for word, number in words.items():
            pieces[number] = word
        return pieces
    raise ModelError(
        f"a vocabulary of the kind {model['type']} can't be cut to scripts, as its tokens are no "
        "whole letters; leave out --scripts"
    )


def _renumber(content: Json, new: dict[int, int], kept: list[int]) -> None:
    """Give the tokens of a tokenizer.json their new ids."""
    model = content["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [model["vocab"][number] for number in kept]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["unk_id"]]
    else:
        model["vocab"] = {w: new[number] for w, number in model["vocab"].items() if number in new}
    for each in content["added_tokens"]:
        each["id"] = new[each["id"]]
    frame = content.get("post_processor") or {}
    for part in [frame, *frame.get("processors", [])]:
        for each in part.get("special_tokens", {}).values():
            each["ids"] = [new[number] for number in each["ids"]]
        for end in ("sep", "cls"):
            if end in part:
                part[end] = [part[end][0], new[part[end][1]]]


def _cut_table(graph: onnx.GraphProto, kept: list[int]) -> None:
    """Leave the rows `kept` of the table in which tokens are looked up."""
    name = _table_name(graph)
    table = next((each for each in graph.initializer if each.name == name), None)
    if table is None or len(table.dims) != 2 or table.dims[0] <= max(kept):
        raise ModelError("the graph has no table of words that can be cut; leave out --scripts")
    rows = np.ascontiguousarray(numpy_helper.to_array(table)[kept])
    table.CopyFrom(numpy_helper.from_array(rows, table.name))


def _table_name(graph: onnx.GraphProto) -> str | None:
    """Return the name of the table that input_ids, or their copy of another type, point into."""
    ids = {"input_ids"}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in ids:
            ids.add(node.output[0])
        if node.op_type == "EmbedLayerNormalization":
            return str(node.input[2])
        if node.op_type == "Gather" and node.input[1] in ids:
            return str(node.input[0])
    return None
