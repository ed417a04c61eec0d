"""Names with symbols, words written together or apart, compounds, scripts and letters."""

from pathlib import Path

import pytest
from tantivy import Query

from handler.corpus.document import Document
from handler.index.names import camel_parts, joined_names, single_characters, symbol_names
from handler.index.word_query import word_query
from handler.search.highlight import word_spans
from tests.handler.indexes import WrittenText, document, write
from tests.handler.test_keyword import found

TEXTS = {
    "c": "A book about C and its pointers.",
    "cpp": "Learn C++17 in a weekend.",
    "csharp": "Learn C# in a month.",
    "fsharp": "Learn F# in a year.",
    "dotnet": "The .NET runtime explained.",
    "net": "A net for fish.",
    "node": "Servers with Node.js",
    "rock": "AC/DC on tour",
    "law": "As § 5 says",
    "law2": "As §6 says, with 5 judges",
    "tall": "A man of 5'10\" sings",
    "small": "A man of 5 feet, and 10 songs",
    "isbn": "Order 978-3-16-148410-0 now",
    "plain": "Order 9783161484117 now",
    "part": "Replace the WX-2000 filter",
    "part2": "Replace the ZY3000 filter",
    "spider": "Spider-Man swings",
    "bat": "batman drives",
    "ball": "They play basket ball",
    "foot": "They play football",
    "mail": "Send an e-mail",
    "post": "Send the email2",
    "jrr": "By J.R.R. Tolkien",
    "grrm": "By G. R. R. Martin",
    "kor": "Pilot Kor-Ingalls",
    "reilly": "Printed by O'Reilly",
    "camel": "Call getUserName first",
    "snake": "Call max_retry_count first",
    "path": "Import os.path.join first",
    "cat": "黒猫が好きです",
    "thai": "สวัสดีชาวโลก",
    "khmer": "សួស្តីពិភពលោក",
    "istanbul": "İSTANBUL'DA IŞIK",
    "irmak": "ırmak kenarı",
    "letters": "Ærø, Straße, œuvre, Łódź, ðorn, ﬁnger",
    "composed": "e\u0301te\u0301 de\u0301ja\u0300",
    "cliche": "A cliché, clichés everywhere",
    "yolk": "ёлка зелёная",
    "seoul": "서울에서 먹는 김치",
    "kata": "コンピュータの使い方",
    "phone": "The company AT&T",
    "tea": "A bit of a t and a shirt",
    "paper": "Order 9780306406157 now",
    "spaced": "Order 978 1 86197 876 9 now",
    "screw": "Screw M8x40",
    "roll": "Rock 'n' roll",
    "web": "Build a web site",
    "rodent": "A mouse",
    "bird": "Two geese",
    "sugar": "Take ½ cup, then take 2 and 1",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> WrittenText:
    documents = [document(key, text) for key, text in TEXTS.items()]
    return write(tmp_path_factory.mktemp("names"), documents)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("C++", "cpp"),
        ("learn c++", "cpp"),
        ("C#", "csharp"),
        ("f#", "fsharp"),
        (".NET", "dotnet"),
        ("Node.js", "node"),
        ("nodejs", "node"),
        ("AC/DC", "rock"),
        ("acdc", "rock"),
        ("§5", "law"),
        ("§ 5", "law"),
        ("5'10\"", "tall"),
        ("5’10", "tall"),
        ("9783161484100", "isbn"),
        ("978-3-16-148411-7", "plain"),
        ("wx2000", "part"),
        ("wx 2000", "part"),
        ("ZY-3000", "part2"),
        ("zy 3000", "part2"),
        ("spiderman", "spider"),
        ("spider man", "spider"),
        ("Bat-Man", "bat"),
        ("bat man", "bat"),
        ("basketball", "ball"),
        ("foot ball", "foot"),
        ("email", "mail"),
        ("JRR Tolkien", "jrr"),
        ("jrr", "jrr"),
        ("J. R. R.", "jrr"),
        ("GRR Martin", "grrm"),
        ("koringalls", "kor"),
        ("oreilly", "reilly"),
        ("user name", "camel"),
        ("getusername", "camel"),
        ("get_user_name", "camel"),
        ("maxRetryCount", "snake"),
        ("retry", "snake"),
        ("ospathjoin", "path"),
        ("猫", "cat"),
        ("す", "cat"),
        ("โ", "thai"),
        ("ក", "khmer"),
        ("istanbul", "istanbul"),
        ("İstanbul", "istanbul"),
        ("IRMAK", "irmak"),
        ("aero", "letters"),
        ("Strasse", "letters"),
        ("oeuvre", "letters"),
        ("lodz", "letters"),
        ("finger", "letters"),
        ("été", "composed"),
        ("deja", "composed"),
        ("cliches", "cliche"),
        ("елка", "yolk"),
        ("서울", "seoul"),
        ("서울에", "seoul"),
        ("ｺﾝﾋﾟｭｰﾀ", "kata"),
        ("at & t", "phone"),
        ("at&t", "phone"),
        ("978 0 306 40615 7", "paper"),
        ("9781861978769", "spaced"),
        ("m8 x 40", "screw"),
        ("rocknroll", "roll"),
        ("rock n roll", "roll"),
        ("websites", "web"),
        ("username", "camel"),
        ("c sharp", "csharp"),
        ("c plus plus", "cpp"),
        ("dot net", "dotnet"),
        ("mice", "rodent"),
        ("goose", "bird"),
        ("1/2", "sugar"),
    ],
)
def test_names_are_found_however_they_are_written(
    index: WrittenText, query: str, first: str
) -> None:
    assert found(index, query)[:1] == [first]


def test_names_of_a_text() -> None:
    assert symbol_names("C++, F#! a+b ASP.NET #tag 3 + 4") == ["C++", "F#"]
    assert joined_names("AT&T at 5:30, 1.5 or 555-1234-5 it's") == ["ATT", "55512345"]
    assert camel_parts("getHTTPUrl iPhone mRNA PDFs") == ["get", "HTTP", "Url"]
    assert "".join(single_characters("a黒猫b")) == "黒猫"
    assert joined_names("-".join("part" for _ in range(500))) == []


COMPOUNDS: dict[str, list[Document]] = {
    "german": [
        document("whole", "Das Universitätskrankenhaus liegt am Fluss."),
        document("part", "Ein Krankenhaus mit Garten."),
        document("first", "Eine Universität und ihr Garten."),
        document("other", "Der Kranke hat ein Haus, er lag am Strand."),
    ],
    "dutch": [
        document("whole", "De ziekenhuisdirecteur"),
        document("part", "directeur, ziekenhuis"),
    ],
    "swedish": [document("whole", "En barnbok"), document("part", "bok för barn")],
    "finnish": [document("whole", "koulurakennus"), document("part", "koulu ja rakennus")],
}


@pytest.mark.parametrize(
    ("language", "query", "expected"),
    [
        ("german", "Krankenhaus", ["part", "whole"]),
        ("german", "Universitätskrankenhaus", ["whole", "part", "first"]),
        ("dutch", "directeur", ["part", "whole"]),
        ("dutch", "ziekenhuisdirecteur", ["whole", "part"]),
        ("swedish", "bok", ["part"]),
        ("swedish", "barn", ["part", "whole"]),
        ("finnish", "rakennus", ["part", "whole"]),
        ("finnish", "koulurakennus", ["whole", "part"]),
    ],
)
def test_compounds_and_their_parts_are_found(
    tmp_path: Path, language: str, query: str, expected: list[str]
) -> None:
    index = write(tmp_path, COMPOUNDS[language], language)
    assert found(index, query)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("spiderman", "The Spider-Man, spider man", ["Spider-Man", "spider", "man"]),
        ("C++", "On C++ and c++", ["C++", "c++"]),
        ("jrr", "J.R.R. and J. R. R.", ["J.R.R.", "J. R. R."]),
        ("basketball", "A basket ball", ["basket", "ball"]),
    ],
)
def test_the_highlight_follows_the_ranking(
    index: WrittenText, query: str, text: str, marked: list[str]
) -> None:
    spans = word_spans(text, word_query(index, query).terms, index.words)
    assert [text[start:end] for start, end in spans] == marked


def test_what_is_verbatim_is_neither_joined_nor_split(index: WrittenText) -> None:
    for query in ("basketball", "bat man", "Bat-Man"):
        words = word_query(index, query, verbatim=True)
        assert words.query is not None
        assert not {"ball", "bat"} & set(found_rows(index, words.query))


def found_rows(index: WrittenText, query: Query) -> list[str]:
    rows = index.search(query, 10)[0].tolist()
    return [index.document(row).id for row in rows]
