"""Which field of a record is its id, title, text and link: as the user says, or guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handler.corpus.document import Value
from handler.corpus.flatten import as_text
from handler.corpus.options import FieldNames

Flat = Mapping[str, Value]

# Names as `_normal` writes them, the best first, in English, German, French and Spanish.
IDS = (
    *("id", "uid", "uuid", "guid", "identifier", "recordid", "docid", "documentid", "key"),
    *("bookid", "productid", "articleid", "itemid", "postid", "movieid", "paperid", "ticketid"),
)
# Only if each record has another one.
CODES = (
    *("isbn13", "isbn", "asin", "sku", "gtin", "ean", "doi", "slug", "code", "ref", "reference"),
    *("artikelnummer", "artikelnr", "bestellnummer", "nummer", "nr", "number", "no", "numero"),
)
TITLES = (
    *("title", "headline", "name", "heading", "titel", "titre", "titulo", "bezeichnung"),
    *("produktname", "artikelname", "productname", "nom", "nombre", "libelle", "designation"),
    *("intitule", "betreff", "titolo", "nome", "naam", "namn", "nazwa", "tytul", "название"),
)
# Only if they are texts, of which few repeat.
WEAK_TITLES = (
    *("subject", "label", "produkt", "product", "artikel", "item", "question", "frage", "caption"),
)
TEXTS = (
    *("text", "fulltext", "body", "content", "contents", "description", "abstract", "article"),
    *("passage", "plot", "beschreibung", "inhalt", "volltext", "langtext", "texte", "contenu"),
    *("descriptif", "texto", "contenido", "descripcion", "artikelbeschreibung", "bodyhtml"),
    *("testo", "descrizione", "beschrijving", "beskrivning", "opis", "tresc", "описание", "текст"),
)
# These may just as well be about the text.
WEAK_TEXTS = (
    *("overview", "synopsis", "summary", "answer", "context", "review", "comment", "message"),
    *("instructions", "directions", "lyrics", "tweet", "post", "story", "details", "about", "bio"),
    *("kurzbeschreibung", "zusammenfassung", "resume", "antwort", "bemerkung", "notes", "note"),
    *("excerpt", "snippet", "transcript", "html", "markdown", "question", "frage", "desc"),
)
URLS = (
    "htmlurl",
    "weburl",
    "url",
    "link",
    "href",
    "uri",
    "permalink",
    "webpage",
    "website",
    "homepage",
    "lien",
)
PICTURES = {"image", "img", "thumbnail", "thumb", "photo", "picture", "avatar", "cover", "icon"}
# Whose names are no titles: author_name, file name.
OTHERS = {
    *("author", "user", "first", "last", "file", "category", "brand", "customer", "publisher"),
    *("country", "city", "host", "company", "vendor", "seller", "autor", "auteur", "reviewer"),
    *("status", "priority", "project", "type", "issuetype", "resolution", "assignee", "reporter"),
    *("location", "place", "series", "tag", "tags", "owner", "creator", "team", "department"),
}
WORDS = re.compile(r"[^\W\d_]+\d*|\d+")
CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")
LONG_TEXT_CHARS = 40
"""Average characters from which a column is a text although nothing in its name says so."""
MAX_TITLE_CHARS = 500
MAX_ID_CHARS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The fields of a source that are id, title, text and link; empty if there is none.

    `guessed_id` says that the id is no field that is called so: it may turn out to repeat.
    """

    id: str = ""
    title: str = ""
    text: tuple[str, ...] = ()
    url: str = ""
    guessed_id: bool = False


STANDARD_ROLES = Roles(id="id", title="title", text=("text",), url="url")
"""The roles of fields that have the standard names, as those of documents do."""


def find_roles(sample: Sequence[Flat], names: FieldNames) -> Roles:
    """Return the roles in records like those of `sample`; names that the user gave come first.

    Case, blanks and punctuation don't matter. What no name tells is guessed from the values.
    """
    columns = _columns(sample)
    text = tuple(_given(name, columns) for name in names.text.split(",") if name.strip())
    taken = {_given(names.id, columns), _given(names.title, columns), *text} - {""}
    url = _given(names.url, columns) or _url(columns, taken)
    taken.add(url)
    id_ = _given(names.id, columns)
    sure = bool(id_)
    if not id_:
        id_, sure = _id(columns, taken, len(sample))
    taken.add(id_)
    title = _given(names.title, columns) or _titled(columns, taken)
    if not text:
        found = _text(columns, taken | {title})
        text = (found,) if found else ()
    if not text and not title:
        title = _named(WEAK_TEXTS, columns, taken)
    return Roles(id=id_, title=title, text=text, url=url, guessed_id=not sure)


def is_text_name(name: str) -> bool:
    """Tell whether a field that is called so is likely to be the title or the text of a record."""
    return not name.startswith("@") and _normal(name) in {*TITLES, *TEXTS, *WEAK_TEXTS}


def _columns(sample: Sequence[Flat]) -> dict[str, list[Value]]:
    columns: dict[str, list[Value]] = {}
    for record in sample:
        for name, value in record.items():
            columns.setdefault(name, []).append(value)
    return columns


def _given(name: str, columns: Mapping[str, object]) -> str:
    """Return the field that the user means, which need not be in the sample."""
    name = name.strip()
    if not name or name in columns:
        return name
    return next((each for each in columns if _normal(each) == _normal(name)), name)


def _named(names: Sequence[str], columns: Mapping[str, object], taken: set[str]) -> str:
    """Return the first column that is called so, else whose last word is, else an object's name."""
    free = [each for each in columns if each not in taken]
    for key in (_normal, _last_word, _object):
        by_key: dict[str, str] = {}
        for each in free:
            by_key.setdefault(_normal(key(each)), each)
        for name in names:
            if name in by_key:
                return _object(by_key[name]) if key is _object else by_key[name]
    return ""


def _url(columns: Mapping[str, Sequence[Value]], taken: set[str]) -> str:
    texts = {
        name: values
        for name, values in columns.items()
        if isinstance(values[0], str) and not PICTURES & set(_words(name))
    }
    return _named(URLS, texts, taken)


def _id(columns: Mapping[str, Sequence[Value]], taken: set[str], records: int) -> tuple[str, bool]:
    """Return the column of ids, and whether its name leaves no doubt."""
    for name in ("id", "_id", "ID", "Id"):
        if name in columns and name not in taken:
            return name, True
    unique = {
        name: values
        for name, values in columns.items()
        if len(values) == records and all(isinstance(value, str | int) for value in values)
        if len(set(map(str, values))) == records
        if max(len(str(value)) for value in values) <= MAX_ID_CHARS
    }
    return _named(IDS, unique, taken) or _named(CODES, unique, taken), False


def _titled(columns: Mapping[str, Sequence[Value]], taken: set[str]) -> str:
    usable = {
        name: values
        for name, values in columns.items()
        if _length(values) < MAX_TITLE_CHARS and not OTHERS & set(_words(name))
    }
    telling = {
        name: values
        for name, values in usable.items()
        if all(isinstance(value, str) for value in values)
        and 2 * len(set(map(str, values))) > len(values)
    }
    found = _named(TITLES, usable, taken) or _named(WEAK_TITLES, telling, taken)
    if found or not _named(TEXTS, columns, taken):
        return found
    return _named(("summary",), telling, taken)  # of tickets, which have a description besides


def _text(columns: Mapping[str, Sequence[Value]], taken: set[str]) -> str:
    texts = {
        name: values
        for name, values in columns.items()
        if all(isinstance(value, str) or _is_texts(value) for value in values)
        and not name.startswith("@")  # JSON-LD says there what the rest means
    }
    exact = {_normal(name): name for name in columns if name not in taken and name[:1] != "@"}
    if found := next((exact[name] for name in TEXTS if name in exact), ""):
        return found
    if found := _named(TEXTS, texts, taken) or _named(WEAK_TEXTS, texts, taken):
        return found
    lengths = {
        name: _length(values)
        for name, values in texts.items()
        if name not in taken and not str(values[0]).startswith(("http://", "https://"))
    }
    longest = max(lengths, key=lengths.__getitem__, default="")
    alone = not taken - {""}
    return longest if longest and (alone or lengths[longest] >= LONG_TEXT_CHARS) else ""


def _is_texts(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _length(values: Sequence[Value]) -> float:
    return sum(len(as_text(value)) for value in values) / len(values)


def _words(name: str) -> list[str]:
    return WORDS.findall(_ascii(CAMEL.sub(" ", name)))


def _last_word(name: str) -> str:
    words = _words(name)
    return words[-1] if len(words) > 1 else ""


def _object(name: str) -> str:
    """Return `title` for `title.en`."""
    return name.partition(".")[0] if "." in name else ""


def _normal(name: str) -> str:
    return "".join(WORDS.findall(_ascii(name)))


def _ascii(name: str) -> str:
    """Return a name in lower case and without accents: Désignation is designation."""
    import unicodedata

    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each))
