"""The states of the search page, each rendered whole: the script in the browser takes from it what it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

from handler.corpus.document import Document
from handler.index.manifest import IndexManifest
from handler.markup import NOTHING, Html, fill, joined
from handler.page.assets import Assets
from handler.page.page_state import PageState
from handler.page.parts import chosen, facts, hits, linked, modes, title_of
from handler.page.templates import part
from handler.search.answer import Hit
from handler.settings import Settings

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class View:
    """What fills the page; `title` and `status` say it to the window's title and to screen readers."""

    kind: str
    html: Html
    title: str = ""
    status: str = ""
    retry_seconds: int = 0


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """The frame around a view, as the settings want it."""

    settings: Settings
    assets: Assets

    def html(
        self, asked: PageState, view: View, manifest: IndexManifest | None, milliseconds: float
    ) -> Html:
        """Return the whole document."""
        settings = self.settings
        return fill(
            self.assets.template,
            digest=self.assets.digest,
            title=settings.page_title,
            head_title=f"{view.title} · {settings.page_title}"
            if view.title
            else settings.page_title,
            description=settings.page_description,
            icon=quote(part("icon", colour=self.assets.accent).strip()),
            kind=view.kind,
            version=manifest.version if manifest else "",
            status=view.status,
            retry=view.retry_seconds,
            query=asked.query,
            mode=asked.mode,
            max_chars=settings.max_query_chars,
            placeholder=settings.page_placeholder,
            modes=modes(asked),
            view=view.html,
            foot=_foot(manifest, milliseconds) if manifest else NOTHING,
        )

    def home(self) -> View:
        """Return what a first visit shows."""
        return View("home", self._suggestions("Try"))

    def results(
        self, asked: PageState, found: Sequence[Hit], first: int, more: bool, rail: Html
    ) -> View:
        """Return a page of hits, the best of which is number `first`; `more` tells that another page follows."""
        number = f", page {asked.page}" if asked.page > 1 else ""
        back = part("previous", href=asked.link(page=asked.page - 1)) if asked.page > 1 else NOTHING
        onward = part("next", href=asked.link(page=asked.page + 1)) if more else NOTHING
        html = part(
            "results",
            heading=f"Results for “{asked.query}”{number}",
            chosen=chosen(asked),
            first=first,
            hits=hits(self.settings, asked, found),
            pages=part("pages", previous=back, page=asked.page, next=onward)
            if back or onward
            else NOTHING,
            rail=rail,
        )
        return View(
            "results",
            html,
            asked.query,
            f"{_count(len(found), 'result')} for {asked.query}{number}",
        )

    def nothing(self, asked: PageState, rail: Html) -> View:
        """Return what stands where there are no hits: what to try."""
        heading = "That was everything" if asked.page > 1 else "Nothing found"
        ways = [("Back to the first page", asked.link())] if asked.page > 1 else []
        ways += [("Take the filters away", asked.link(filters=()))] if asked.filters else []
        ways += (
            [("Search by meaning too", asked.link(mode="hybrid"))]
            if asked.mode == "keyword"
            else []
        )
        html = part(
            "nothing",
            heading=heading,
            detail=_reason(asked),
            chosen=chosen(asked),
            ways=joined(part("way", text=text, href=href) for text, href in ways),
            suggestions=self._suggestions("Or ask for something else"),
            rail=rail,
        )
        return View("results", html, asked.query, f"{heading}. {_reason(asked)}")

    def document(self, asked: PageState, document: Document, found: Sequence[Hit]) -> View:
        """Return a whole document, and `found`, which are most like it."""
        title = title_of(document)
        paragraphs = [text for text in document.text.split("\n") if text.strip()]
        html = part(
            "document",
            back=part("back", href=asked.link(like=""), query=asked.query)
            if asked.query
            else NOTHING,
            title=linked(title, document.url),
            facts=facts(self.settings, document),
            text=joined(part("paragraph", text=text) for text in paragraphs),
            hits=hits(self.settings, asked, found),
        )
        return View("document", html, title, f"{title}, and {len(found)} more like it")

    def failed(self, asked: PageState, status: int, detail: str) -> View:
        """Return what stands for a problem; one that passes is tried again."""
        passing = status == HTTPStatus.SERVICE_UNAVAILABLE
        if passing:
            title, detail = (
                "The collection is being made ready",
                "This page looks again by itself in a moment.",
            )
        else:
            title = (
                "That is not here" if status == HTTPStatus.NOT_FOUND else "This can’t be answered"
            )
        html = part(
            "failed",
            title=title,
            detail=f"{detail[:1].upper()}{detail[1:]}".rstrip(".") + ".",
            way="Try again" if passing else "Start over",
            href=asked.link(page=asked.page) if passing else asked.link(filters=(), like=""),
        )
        return View("results", html, title, title, RETRY_SECONDS if passing else 0)

    def _suggestions(self, label: str) -> Html:
        texts = [text.strip() for text in self.settings.page_suggestions.split("|") if text.strip()]
        items = joined(part("suggestion", href=PageState(text).link(), text=text) for text in texts)
        return part("suggestions", label=label, items=items) if items else NOTHING


def _reason(asked: PageState) -> str:
    """Say why there are no hits."""
    if asked.page > 1:
        return f"There are no further results for “{asked.query}”."
    words = asked.mode == "keyword"
    if asked.filters:
        return (
            "No document has these words and fits the filters."
            if words
            else "No document fits the filters."
        )
    return "No document has any of these words." if words else "The collection is empty."


def _foot(manifest: IndexManifest, milliseconds: float) -> Html:
    return part(
        "foot",
        count=_count(manifest.documents, "document"),
        version=manifest.version,
        created=manifest.created,
        age=_age(manifest.created),
        model=manifest.model.rsplit("/", 1)[-1],
        took=f"answered in {max(1, round(milliseconds))} ms",
    )


def _age(created: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds()
    found = ((int(seconds // length), unit) for length, unit in UNITS if seconds >= length)
    return next((f"{_count(number, unit)} old" for number, unit in found), "just made")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
