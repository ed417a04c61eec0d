"""A SentencePiece model → a tokenizer, as the tokenizers library has it.

The families differ in the ids they give to pieces, in normalization, and in the frame of a text;
transformers' convert_slow_tokenizer.py is the reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram
from tokenizers.processors import TemplateProcessing

from export import sentencepiece_file as spm
from export.config import Config
from handler.errors import ModelError

# Under which names models keep the file, and whose family it is unless something else tells.
FILES = {
    "sentencepiece.bpe.model": "xlmroberta",
    "spiece.model": "albert",
    "spm.model": "debertav2",
}
SPACE = "▁"
Vocabulary = list[tuple[str, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """How the models of one family use SentencePiece.

    Args:
        vocabulary: returns pieces and scores in the order of their ids.
        normalizer: returns the steps before pieces are looked up.
        unknown: id of the unknown token; the file's own unless given.
        frame: the tokens before and after a text.
        special: further tokens that stand for themselves in a text.
        doubled: whether two closing tokens lie between the texts of a pair.
    """

    vocabulary: Callable[[Any], Vocabulary]
    normalizer: Callable[[Any, Config], Sequence[Any]]
    unknown: int | None = None
    frame: tuple[str, str]
    special: tuple[str, ...] = ()
    doubled: bool = False


def build_tokenizer(path: Path, model_type: str) -> Tokenizer:
    """Build the tokenizer of the SentencePiece model `path`, of a model of this type.

    Raises:
        ModelError: the file can't be read, or belongs to a family that is not known.
    """
    settings = Config.read(path.parent / "tokenizer_config.json")
    family = _family(path, model_type, settings)
    model = spm.read_sentencepiece(path)
    pieces = family.vocabulary(model)
    tokenizer = Tokenizer(_model(model, pieces, family))
    _add_special(tokenizer, model, family)
    steps = list(family.normalizer(model, settings))
    if not steps:
        raise ModelError(f"{path} has no normalization; fetch the model again")
    tokenizer.normalizer = normalizers.Sequence(steps)
    scheme = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    spaces = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(behavior="isolated"), spaces])
        if settings.flag("split_by_punct", False)
        else spaces
    )
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    tokenizer.post_processor = _frame(path, tokenizer, family)
    return tokenizer


def _family(path: Path, model_type: str, settings: Config) -> Family:
    """Choose by the class that tokenizer_config.json names, else by model or file."""
    named = settings.text("tokenizer_class", "")
    kind = named.removesuffix("Fast").removesuffix("Tokenizer").lower()
    for name in (kind, model_type.replace("-", ""), FILES[path.name]):
        if name in FAMILIES:
            return FAMILIES[name]
        if name == kind and kind not in ("", "pretrained"):
            break
    raise ModelError(
        f"{path} is a SentencePiece model for {named or model_type!r}, of which the ids are not known; "
        "load the tokenizer with transformers and write it with tokenizer.save_pretrained(FOLDER)"
    )


def _model(model: Any, pieces: Vocabulary, family: Family) -> Unigram | BPE:
    trainer = model.trainer_spec
    unknown = trainer.unk_id if family.unknown is None else family.unknown
    if trainer.model_type == spm.UNIGRAM:
        return Unigram(pieces, unknown, trainer.byte_fallback)
    words = {piece: number for number, (piece, _) in enumerate(pieces)}
    return BPE(
        words,
        merges(pieces),
        unk_token=pieces[unknown][0],
        fuse_unk=True,
        byte_fallback=trainer.byte_fallback,
    )


def merges(pieces: Vocabulary) -> list[tuple[str, str]]:
    """Return the pairs that become pieces, those of the best scores first.

    SentencePiece stores the results alone: any two pieces that make a third one together are a pair.
    """
    ranks = {piece: number for number, (piece, _) in enumerate(pieces)}
    found = []
    for piece, score in pieces:
        cuts = ((piece[:at], piece[at:]) for at in range(1, len(piece)))
        pairs = [(left, right) for left, right in cuts if left in ranks and right in ranks]
        pairs.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        found += [(score, len(left), len(right), (left, right)) for left, right in pairs]
    found.sort(key=lambda each: each[:3], reverse=True)
    return [pair for *_, pair in found]


def _add_special(tokenizer: Tokenizer, model: Any, family: Family) -> None:
    """Let control tokens and those that the model's owner defined stand for themselves in a text."""
    for each in model.pieces:
        if each.type in (spm.CONTROL, spm.USER_DEFINED) and each.piece:
            control = each.type == spm.CONTROL
            tokenizer.add_tokens([AddedToken(each.piece, normalized=False, special=control)])
    for name in family.special:
        masks = "mask" in name.lower()
        tokenizer.add_special_tokens([AddedToken(name, lstrip=masks, normalized=False)])


def _frame(path: Path, tokenizer: Tokenizer, family: Family) -> TemplateProcessing:
    first, last = family.frame
    known = [(name, tokenizer.token_to_id(name)) for name in family.frame]
    if missing := [name for name, number in known if number is None]:
        raise ModelError(f"{path} has no piece {missing[0]!r}; fetch the model again")
    second = f"{last} $B {last}" if family.doubled else f"$B:1 {last}:1"
    return TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {second}",
        special_tokens=known,
    )


def _plain(model: Any) -> Vocabulary:
    return [(each.piece, each.score) for each in model.pieces]


def _shifted(model: Any) -> Vocabulary:
    """Put fairseq's own tokens first: the model's ids begin after them."""
    own = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    return [*own, *_plain(model)[3:], ("<mask>", 0.0)]


def _camembert(model: Any) -> Vocabulary:
    own = [(name, 0.0) for name in ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>")]
    return [*own, ("<unk>NOTUSED", -100.0), *_plain(model)[1:], ("<mask>", 0.0)]


def _albert(model: Any) -> Vocabulary:
    """Keep numbers apart from the commas after them."""
    return [
        (piece, score - 100 if piece[-1:] == "," and piece[-2:-1].isdigit() else score)
        for piece, score in _plain(model)
    ]


def _charsmap(model: Any) -> list[Any]:
    """Return the file's own table of characters, if it has one."""
    table = model.normalizer_spec.precompiled_charsmap
    return [normalizers.Precompiled(table)] if table else []


def _trimmed(model: Any, _settings: Config) -> Sequence[Any]:
    spaces = normalizers.Replace(Regex(" {2,}"), SPACE)
    return [*_charsmap(model), normalizers.Strip(left=False, right=True), spaces]


def _albert_steps(model: Any, settings: Config) -> Sequence[Any]:
    steps: list[Any] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not settings.flag("keep_accents", False):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if settings.flag("do_lower_case", True):
        steps.append(normalizers.Lowercase())
    return [*steps, *_charsmap(model), normalizers.Replace(Regex(" {2,}"), " ")]


def _deberta_steps(model: Any, settings: Config) -> Sequence[Any]:
    lower = [normalizers.Lowercase()] if settings.flag("do_lower_case", False) else []
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    return [*lower, normalizers.Strip(), *_charsmap(model), spaces]


_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
FAMILIES = {
    "xlmroberta": Family(
        vocabulary=_shifted,
        normalizer=_trimmed,
        unknown=3,
        frame=("<s>", "</s>"),
        special=_FAIRSEQ,
        doubled=True,
    ),
    "camembert": Family(
        vocabulary=_camembert,
        normalizer=_trimmed,
        unknown=3,
        frame=("<s>", "</s>"),
        special=_FAIRSEQ,
        doubled=True,
    ),
    "albert": Family(
        vocabulary=_albert,
        normalizer=_albert_steps,
        frame=("[CLS]", "[SEP]"),
        special=("<pad>", "[MASK]"),
    ),
    "debertav2": Family(
        vocabulary=_plain,
        normalizer=_deberta_steps,
        frame=("[CLS]", "[SEP]"),
        special=("[PAD]", "[MASK]"),
    ),
}
