"""What a request for embeddings brings, as tokens that the model reads, within the bound of work."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from handler.encoder import Encoder, TextKind
from handler.errors import ForeignTokens, InvalidRequest
from handler.search.bounds import check_unicode
from handler.settings import Settings

# Texts between two looks at the number of tokens.
SLICE = 64
Input = str | list[str] | list[int] | list[list[int]]


def tokens_of(
    given: Input, kind: TextKind, encoder: Encoder, settings: Settings
) -> list[list[int]]:
    """Return the tokens of each text, cut as the model cuts them.

    Raises:
        InvalidRequest: there is no text, one is empty, or all together have too many tokens.
        ForeignTokens: token ids are not those of the model's tokenizer.
    """
    texts = [_text(each, at, encoder) for at, each in enumerate(_listed(given))]
    if not texts:
        raise InvalidRequest("input is empty; send one text or more")
    found: list[list[int]] = []
    count = 0
    for start in range(0, len(texts), SLICE):
        found += encoder.tokenize(texts[start : start + SLICE], kind)
        count += sum(map(len, found[start:]))
        if count > settings.max_embedding_tokens:
            raise InvalidRequest(
                f"input has more than {settings.max_embedding_tokens} tokens "
                "(QUERYTOWER_MAX_EMBEDDING_TOKENS); send fewer texts at once"
            )
    return found


def _listed(given: Input) -> Sequence[str | list[int]]:
    if isinstance(given, str):
        return [given]
    if given and isinstance(given[0], int):
        return [[int(each) for each in given if isinstance(each, int)]]
    return [each for each in given if not isinstance(each, int)]


def _text(given: str | list[int], at: int, encoder: Encoder) -> str:
    name = f"input[{at}]"
    text = given if isinstance(given, str) else decoded(given, name, encoder.tokenizer)
    if not text.strip():
        raise InvalidRequest(f"{name} is empty; send a text")
    check_unicode(text, name)
    return text.strip()


def decoded(ids: list[int], name: str, tokenizer: Tokenizer) -> str:
    """Return the text of token ids, with or without the special tokens around it.

    Raises:
        ForeignTokens: the model's tokenizer doesn't make them from any text; it never reads those
            of OpenAI's tokenizers, which its clients may send, as something else than they mean.
    """
    frame = set(tokenizer.encode("").ids)
    plain = [each for each in ids if each not in frame]
    text = str(tokenizer.decode(plain))
    if tokenizer.encode(text, add_special_tokens=False).ids != plain:
        raise ForeignTokens(
            f"{name} has token ids that are not of this model's tokenizer; send texts instead "
            "(LangChain: check_embedding_ctx_length=False)"
        )
    return text
