"""A model folder's tokenizer, freed of the padding and truncation that it was saved with."""

from tokenizers import Tokenizer, normalizers
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
from tokenizers.models import WordPiece

from export.json_files import read_object
from export.sentence import SentenceConfig
from handler.errors import ModelError


def load_tokenizer(sentence: SentenceConfig) -> Tokenizer:
    """Load tokenizer.json or, for an older BERT, build the tokenizer from vocab.txt.

    Raises:
        ModelError: the folder has neither, or they cannot be read.
    """
    path, vocabulary = sentence.transformer / "tokenizer.json", sentence.transformer / "vocab.txt"
    try:
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        elif vocabulary.is_file():
            tokenizer = _from_vocabulary(sentence)
        else:
            raise ModelError(
                f"{sentence.transformer} has no tokenizer.json and no vocab.txt; load its tokenizer with "
                "transformers and write it with tokenizer.save_pretrained(FOLDER)"
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


def _from_vocabulary(sentence: SentenceConfig) -> Tokenizer:
    settings = read_object(sentence.transformer / "tokenizer_config.json")
    built = BertWordPieceTokenizer(
        WordPiece.read_file(str(sentence.transformer / "vocab.txt")),
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
    )
    return Tokenizer.from_str(built.to_str())
