"""What other sites and search engines are told of a page: previews, its address, the sitemap."""

from collections.abc import Iterable
from html import escape

from handler.corpus.document import Document
from handler.index.engine import Engine
from handler.markup import Html, joined
from handler.page.page_state import PageState
from handler.page.templates import part
from handler.page.view import View
from handler.settings import Settings

PREVIEW_CHARS = 200
# What the protocol of sitemaps allows in one file.
MOST_PAGES = 50_000
BATCH = 1000
# Bytes of the answer that are left for its frame.
FRAME = 1000


def preview(settings: Settings, asked: PageState, view: View) -> Html:
    """Return the tags by which other sites show a preview, and search engines the address."""
    tags = [
        ("og:type", "article" if view.kind == "document" else "website"),
        ("og:site_name", settings.page_title),
        ("og:title", view.title or settings.page_title),
        ("og:description", view.description or settings.page_description),
        ("og:image", view.image),
        ("twitter:card", "summary"),
    ]
    address = ""
    if settings.page_url:
        state = PageState(index=asked.index, like=asked.like) if asked.like else asked
        address = page_address(settings, state.link(page=state.page))
        tags.append(("og:url", address))
    metas = [part("meta", name=name, content=content) for name, content in tags if content]
    return joined([*metas, part("canonical", address=address)] if address else metas)


def page_address(settings: Settings, link: str) -> str:
    """Return the whole address of a link on the page."""
    return settings.page_url.rstrip("/") + "/" + ("" if link == "?" else link)


def summary(document: Document) -> str:
    """Return the start of a document's text, for a preview."""
    start = " ".join(document.text[: 2 * PREVIEW_CHARS].split())
    return start if len(start) <= PREVIEW_CHARS else start[:PREVIEW_CHARS].rsplit(" ", 1)[0] + " …"


def sitemap(settings: Settings, index: Engine) -> bytes:
    """Return the sitemap: the page itself, and the first documents of an index.

    It ends at the number of documents that is set, and where the answer would be too large.
    """
    left = settings.max_answer_bytes // 2 - FRAME  # base64 of what is not compressed takes more
    entries = [_entry(settings, "?")]
    for document in _documents(index, min(settings.page_sitemap, MOST_PAGES)):
        entry = _entry(settings, PageState(like=document.id).link())
        left -= len(entry)
        if left < 0:
            break
        entries.append(entry)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'{head}<urlset xmlns="{space}">\n{"".join(entries)}</urlset>\n'.encode()


def _documents(index: Engine, most: int) -> Iterable[Document]:
    """Yield the first documents of an index."""
    row = -1
    while most > 0:
        rows = index.rows_after(row, None, min(BATCH, most))
        if not len(rows):
            return
        yield from index.documents_at(rows)
        row, most = int(rows[-1]), most - len(rows)


def _entry(settings: Settings, link: str) -> str:
    return f"<url><loc>{escape(page_address(settings, link))}</loc></url>\n"
