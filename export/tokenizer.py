"""A model folder's tokenizer, freed of the padding and truncation that it was saved with."""

from pathlib import Path

from tokenizers import Tokenizer, normalizers
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
from tokenizers.implementations.byte_level_bpe import ByteLevelBPETokenizer
from tokenizers.models import BPE, WordPiece
from tokenizers.processors import RobertaProcessing

from export.json_files import read_object
from export.sentence import SentenceConfig
from export.sentencepiece_tokenizer import FILES, build_tokenizer
from handler.errors import ModelError


def load_tokenizer(sentence: SentenceConfig) -> Tokenizer:
    """Load tokenizer.json or, for an older model, build the tokenizer from its vocabulary.

    A vocab.txt is that of a BERT or MPNet, a vocab.json with merges.txt that of a RoBERTa, and a
    sentencepiece.bpe.model, spiece.model or spm.model that of an XLM-R, CamemBERT, ALBERT or DeBERTa.

    Raises:
        ModelError: the folder has neither, or they cannot be read.
    """
    path, vocabulary = sentence.transformer / "tokenizer.json", sentence.transformer / "vocab.txt"
    try:
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        elif vocabulary.is_file():
            tokenizer = _from_vocabulary(sentence)
        elif (sentence.transformer / "merges.txt").is_file():
            tokenizer = _from_merges(sentence.transformer)
        elif pieces := _sentencepiece(sentence.transformer):
            tokenizer = build_tokenizer(pieces, sentence.architecture)
        else:
            raise ModelError(
                f"{sentence.transformer} has no tokenizer.json, vocab.txt, merges.txt or SentencePiece file; "
                "load its tokenizer with transformers and write it with tokenizer.save_pretrained(FOLDER)"
            )
    except ModelError:
        raise
    except Exception as cause:  # tokenizers raises bare Exception
        raise ModelError(
            f"cannot read the tokenizer in {sentence.transformer}: {cause}; fetch it again"
        ) from cause
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if sentence.lowercase:
        steps = [step for step in (normalizers.Lowercase(), tokenizer.normalizer) if step]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def _sentencepiece(folder: Path) -> Path | None:
    """Return the SentencePiece file of a model folder, if there is one."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def _from_vocabulary(sentence: SentenceConfig) -> Tokenizer:
    settings = read_object(sentence.transformer / "tokenizer_config.json")
    words = WordPiece.read_file(str(sentence.transformer / "vocab.txt"))
    mpnet = "[CLS]" not in words and "<s>" in words
    built = BertWordPieceTokenizer(
        words,
        cls_token="<s>" if mpnet else "[CLS]",
        sep_token="</s>" if mpnet else "[SEP]",
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
    )
    return Tokenizer.from_str(built.to_str())


def _from_merges(folder: Path) -> Tokenizer:
    settings = read_object(folder / "tokenizer_config.json")
    spaced = bool(settings.get("add_prefix_space", False))
    words, merges = BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    built = ByteLevelBPETokenizer(words, merges, add_prefix_space=spaced)
    tokenizer = Tokenizer.from_str(built.to_str())
    tokenizer.add_special_tokens(["<s>", "</s>", "<pad>", "<unk>", "<mask>"])
    ends = {name: (name, words[name]) for name in ("<s>", "</s>")}
    tokenizer.post_processor = RobertaProcessing(ends["</s>"], ends["<s>"], add_prefix_space=spaced)
    return tokenizer
