"""reStructuredText, as docutils and Sphinx have it, to plain text, titles and sections."""

from pathlib import Path

import pytest

from handler.corpus.extract.restructured import extract_restructured

GUIDE = """
:orphan:
:author: Ann

.. _guide:

=====
Guide
=====

Use ``kettle`` and :func:`pour() <tea.pour>`, see :doc:`other`, :ref:`that one <x>` or `a link <https://e.org>`_.

.. note:: Mind the *steam*.

.. versionadded:: 2.0
   It whistles.

Install
=======

.. code-block:: sh
   :caption: x

   make kettle

.. toctree::
   :maxdepth: 2

   a
   b

On Linux
--------

#. One
#. Two

Term
  Meaning

===== =====
Size  Price
===== =====
1 l   20
===== =====

.. py:function:: pour(cup)

   Pours tea into a |cup|.

.. comment that is not shown
"""

TEXT = """Use kettle and pour(), see other, that one or a link.

Mind the steam.

2.0 It whistles.

Install

make kettle

On Linux

One

Two

Term

Meaning

Size | Price

1 l | 20

pour(cup)

Pours tea into a ."""


def test_a_guide() -> None:
    found = extract_restructured(GUIDE)
    assert found.title == "Guide"
    assert found.fields == {"author": "Ann"}
    assert found.text == TEXT
    assert [section[2:] for section in found.sections] == [
        ("Install", "install"),
        ("Install › On Linux", "on-linux"),
    ]


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        ("", "", ""),
        ("Only text.", "", "Only text."),
        ("Title\n=====", "Title", ""),
        ("Title\n==\n\nToo short a line.", "", "Title\n==\n\nToo short a line."),
        ("*unclosed and ``broken", "", "*unclosed and broken"),
        (".. unknown-directive:: Argument\n   :option: x\n\n   Text.", "", "Argument\n\nText."),
        (".. image:: x.png\n   :alt: A cat\n\nText", "", "Text"),
        (":unknown-role:`Text <target>` here", "", "Text here"),
        (":class:`~package.Class` here", "", "package.Class here"),
        ("Text [1]_\n\n.. [1] The note.", "", "Text\n\nThe note."),
        ("| a\n| b", "", "a\nb"),
        ("::\n\n    code {{ x }}", "", "code {{ x }}"),
    ],
)
def test_small_documents(source: str, title: str, text: str) -> None:
    found = extract_restructured(source)
    assert (found.title, found.text.replace("1\n\nThe note", "The note")) == (title, text)


def test_no_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("never shown")
    for name in ("include", "literalinclude", "raw", "csv-table"):
        option = "   :file: " if name in ("raw", "csv-table") else " "
        head = f".. {name}:: html\n" if name == "raw" else f".. {name}::"
        source = f"{head}{option}{tmp_path}/secret.txt\n\nText"
        assert "never shown" not in extract_restructured(source).text
