"""Front matter in YAML and TOML, as people have it, and what only resembles it."""

from typing import Any

import pytest

from handler.corpus.extract.front_matter import split_front_matter


def fields(block: str) -> dict[str, Any]:
    found, text = split_front_matter(f"---\n{block}\n---\nBody.\n")
    assert text == "Body.\n"
    return found


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("title: A note", {"title": "A note"}),
        ("title: 'It''s'", {"title": "It's"}),
        ('title: "a: b # c"', {"title": "a: b # c"}),
        ("title: 1984\nyear: 1949", {"title": "1984", "year": "1949"}),
        (
            "title: No\nat: 12:30\nzip: 010\nversion: 1.10",
            {"title": "No", "at": "12:30", "zip": "010", "version": "1.10"},
        ),
        ("draft: true\npublic: False", {"draft": True, "public": False}),
        ("a:\nb: ~\nc: null\nd: ''\ne: x", {"e": "x"}),
        ("text: |\n  one\n  two\n", {"text": "one\ntwo"}),
        ("text: >-\n  one\n  two\n", {"text": "one two"}),
        ("author:\n  name: Ann\n  links: [a, b]", {"author": {"name": "Ann", "links": ["a", "b"]}}),
        (
            "base: &b {a: x}\nother:\n  <<: *b\n  c: y",
            {"base": {"a": "x"}, "other": {"a": "x", "c": "y"}},
        ),
        ("# a comment\n\ntitle: x", {"title": "x"}),
        ("x: !ruby/object:Foo {a: b}\ny: !!python/tuple [1]", {"x": {"a": "b"}, "y": ["1"]}),
        ("up: '[[Home]]'\nrelated: ['[[A|B]]', C]", {"up": "Home", "related": ["B", "C"]}),
        ("date: {{ date }}\ntitle: x", {"title": "x"}),
    ],
)
def test_values(block: str, expected: dict[str, Any]) -> None:
    assert fields(block) == expected


@pytest.mark.parametrize(
    "block",
    [
        "tags: a, b",
        "tags: a b",
        "tags: [a, b]",
        "tags: ['#a', \"b\"]",
        "tags:\n  - a\n  - b",
        "tags:\n- a\n- b",
        "tags: '#a #b'",
        "tags: a, b,",
    ],
)
def test_tags_are_a_list_however_they_are_written(block: str) -> None:
    assert fields(block) == {"tags": ["a", "b"]}


def test_other_lists() -> None:
    assert fields("keywords: data science, art") == {"keywords": ["data science", "art"]}
    assert fields("aliases: The Other Name") == {"aliases": ["The Other Name"]}
    assert fields("author: Ann, Bob") == {"author": "Ann, Bob"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-01-02", "2024-01-02"),
        ("2024-1-2", "2024-01-02"),
        ("2024/01/02", "2024-01-02"),
        ("2024-01-02T15:04:05+02:00", "2024-01-02T15:04:05+02:00"),
        ("2024-01-02T15:04:05Z", "2024-01-02T15:04:05Z"),
        ("2024-01-02T15:04:05.5Z", "2024-01-02T15:04:05.500000Z"),
        ("2024-01-02 15:04:05 +0200", "2024-01-02T15:04:05+02:00"),
        ("2024-01-02 15:04:05 -0730", "2024-01-02T15:04:05-07:30"),
        ("2024-01-02 15:04", "2024-01-02T15:04:00"),
        ("2024-01-02T15:04", "2024-01-02T15:04:00"),
        ("2024-01-02 5:04:05 UTC", "2024-01-02T05:04:05Z"),
        ('"2024-01-02"', "2024-01-02"),
        ('"[[2024-01-02]]"', "2024-01-02"),
        ("2024-13-45", "2024-13-45"),
        ("2024-01", "2024-01"),
    ],
)
def test_dates(written: str, expected: str) -> None:
    assert fields(f"date: {written}") == {"date": expected}


def test_toml() -> None:
    text = '+++\ntitle = "A post"\ndate = 2024-01-02T15:04:05+02:00\nday = 2024-01-02\n'
    text += 'tags = ["a", "b"]\nweight = 10\ndraft = false\n[params]\nauthor = "Ann"\n+++\nBody.\n'
    assert split_front_matter(text) == (
        {
            "title": "A post",
            "date": "2024-01-02T15:04:05+02:00",
            "day": "2024-01-02",
            "tags": ["a", "b"],
            "weight": 10,
            "draft": False,
            "params": {"author": "Ann"},
        },
        "Body.\n",
    )


@pytest.mark.parametrize(
    "text",
    [
        "---\nRoses are red,\nviolets are blue.\n---\nMore.",
        "---\n\nOne stanza\n\n---\n\nAnother: with a colon.\n",
        "---\n- a\n- list\n---\n",
        "---\ntitle: never closed",
        " ---\ntitle: indented\n---\n",
        "----\ntitle: four\n----\n",
        "Text first\n---\ntitle: x\n---\n",
        "+++\nno toml\n+++\n",
        "---",
        "",
    ],
)
def test_what_is_no_front_matter_stays_text(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("title: Foo: a bar\nyear: 1990", {"title": "Foo: a bar", "year": "1990"}),
        ("title: x\n\ttabbed: y", {"title": "x"}),
        ('title: "unclosed\ntags:\n - a\n - b', {"title": '"unclosed', "tags": ["a", "b"]}),
        ("title: @handle\nother: `x`", {"title": "@handle", "other": "`x`"}),
        ("title: {{title}}\ndate: 2024-01-02 10:00 +0100", {"date": "2024-01-02T10:00:00+01:00"}),
    ],
)
def test_broken_yaml_is_read_line_by_line(block: str, expected: dict[str, Any]) -> None:
    assert fields(block) == expected


def test_empty_front_matter_and_other_ends() -> None:
    assert split_front_matter("---\n---\nBody.") == ({}, "Body.")
    assert split_front_matter("---\ntitle: x\n...\nBody.") == ({"title": "x"}, "Body.")


def test_bombs_are_not_unfolded() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefghijk", "abcdefghij", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    found = fields(bomb + "title: x")
    assert found["title"] == "x"
    assert len(str(found)) < 10_000
    assert "title" in fields("a: &a [*a]\ntitle: x")
    assert fields("title: x\nlong: " + "y" * 200_000)["title"] == "x"
