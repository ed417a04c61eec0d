"""The states of the search page, each rendered whole; the browser's script takes what it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

from handler.corpus.document import Document
from handler.index.manifest import IndexManifest
from handler.markup import NOTHING, Html, fill, flag, joined
from handler.page.assets import Assets
from handler.page.hits import Display, title_of
from handler.page.links import linked
from handler.page.page_state import PageState
from handler.page.passages import text_blocks
from handler.page.rail import chosen
from handler.page.social import preview, summary
from handler.page.templates import part
from handler.page.view import View
from handler.page.why import MATCHES
from handler.search.answer import Answer, Hit, Total, corrected_query
from handler.settings import Settings

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
RETRY_SECONDS = 5
# Characters of a document that the page shows: its HTML must fit what Lambda can send.
TEXT_CHARS = 300_000
# The ways to search, with the symbol of what each matches by.
MODES = {"hybrid": "both", "semantic": "meaning", "keyword": "words"}


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Renders the page as the settings want it."""

    settings: Settings
    assets: Assets

    def html(
        self, asked: PageState, view: View, manifest: IndexManifest | None, milliseconds: float
    ) -> Html:
        """Return the whole document; `milliseconds` is the time that the answer took."""
        settings = self.settings
        title = settings.page_title
        return fill(
            self.assets.template,
            digest=self.assets.digest,
            title=title,
            head_title=f"{view.title} · {title}" if view.title else title,
            description=settings.page_description,
            preview=preview(settings, asked, view),
            home=asked.anew(),
            lucky=PageState(index=asked.index).link() + ("&" if asked.index else "") + "lucky=1",
            switch=_switch(settings, asked),
            icon=quote(part("icon", colour=self.assets.accent).strip()),
            kind=view.kind,
            version=manifest.version if manifest else "",
            status=view.status,
            retry=view.retry_seconds,
            query=asked.query,
            mode=asked.mode,
            max_chars=settings.max_query_chars,
            placeholder=settings.page_placeholder,
            modes=_modes(asked),
            view=view.html,
            foot=_foot(manifest, milliseconds) if manifest else NOTHING,
        )

    def home(self, asked: PageState) -> View:
        """Return what a first visit shows."""
        return View(kind="home", html=self._suggestions(asked, "Try"))

    def results(
        self,
        display: Display,
        answer: Answer,
        first: int,
        more: bool,
        rail: Html,
        orders: Sequence[str],
    ) -> View:
        """Return a page of hits.

        Args:
            display: What documents are shown by, with the state of the page.
            answer: The hits of this page, with total and corrections.
            first: Number of the first hit, from 1.
            more: Whether another page follows.
            rail: The filters on offer.
            orders: The values that a sort may have.
        """
        asked = display.asked
        number = f", page {asked.page}" if asked.page > 1 else ""
        what = f"Results for “{asked.query}”" if asked.query else "Documents that fit the filters"
        html = part(
            "results",
            heading=what + number,
            corrected=_corrected(asked, answer.corrected),
            close=part("close", query=asked.query) if answer.nothing_close else NOTHING,
            count="" if answer.nothing_close else _total(answer.total),
            sort=_sort(asked, orders),
            chosen=chosen(asked),
            first=first,
            hits=display.hits(answer.hits),
            pages=_pages(asked, more),
            rail=rail,
        )
        title = asked.query or ", ".join(value for _, value in asked.filters)
        status = f"{_count(len(answer.hits), 'result')} for {title}{number}"
        return View(kind="results", html=html, title=title, status=status)

    def nothing(self, asked: PageState, rail: Html) -> View:
        """Return what the page shows without hits: what to try."""
        heading = "That was everything" if asked.page > 1 else "Nothing found"
        html = part(
            "nothing",
            heading=heading,
            detail=_reason(asked),
            chosen=chosen(asked),
            ways=joined(part("way", text=text, href=href) for text, href in _ways(asked)),
            suggestions=self._suggestions(asked, "Or ask for something else"),
            rail=rail,
        )
        status = f"{heading}. {_reason(asked)}"
        return View(kind="results", html=html, title=asked.query, status=status)

    def document(self, display: Display, document: Document, found: Sequence[Hit]) -> View:
        """Return a whole document, and `found`, which are most similar to it."""
        asked = display.asked
        title = title_of(document)
        shown = document.text[:TEXT_CHARS]
        text = text_blocks(shown, code=bool(document.sections))
        if rest := len(document.text) - len(shown):
            more = f"… and {rest:,} more characters, which the API returns."
            text = joined([text, part("paragraph", lead="", text=more)])
        back = NOTHING
        if asked.query:
            back = part("back", href=asked.link(like=""), query=asked.query)
        html = part(
            "document",
            back=back,
            title=linked(fill("$title", title=title), document.url),
            picture=display.picture(document),
            facts=display.facts(document),
            text=text,
            hits=display.hits(found),
        )
        status = f"{title}, and {len(found)} more like it"
        return View(
            kind="document",
            html=html,
            title=title,
            status=status,
            description=summary(document),
            image=display.pictures.of(document),
        )

    def failed(self, asked: PageState, status: int, detail: str) -> View:
        """Return what the page shows for a problem; it asks again if the problem is temporary."""
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            return _failure(
                title="The collection is being made ready",
                detail="This page looks again by itself in a moment.",
                way="Try again",
                href=asked.link(page=asked.page),
                retry_seconds=RETRY_SECONDS,
            )
        missing = status == HTTPStatus.NOT_FOUND
        return _failure(
            title="That is not here" if missing else "This can’t be answered",
            detail=f"{detail[:1].upper()}{detail[1:]}".rstrip(".") + ".",
            way="Start over",
            href=asked.link(filters=(), like=""),
        )

    def _suggestions(self, asked: PageState, label: str) -> Html:
        texts = [text.strip() for text in self.settings.page_suggestions.split("|")]
        items = joined(
            part("suggestion", href=asked.anew(query=text), text=text) for text in texts if text
        )
        return part("suggestions", label=label, items=items) if items else NOTHING


def _failure(*, title: str, detail: str, way: str, href: str, retry_seconds: int = 0) -> View:
    """Return the view of a problem; `way` is the text of the link to `href`."""
    html = part("failed", title=title, detail=detail, way=way, href=href)
    return View(kind="results", html=html, title=title, status=title, retry_seconds=retry_seconds)


def _modes(asked: PageState) -> Html:
    """Return the switch between ways to search."""
    return joined(
        part(
            "mode",
            mode=mode,
            kind=kind,
            label=MATCHES[kind],
            checked=flag("checked", asked.mode == mode),
        )
        for mode, kind in MODES.items()
    )


def _switch(settings: Settings, asked: PageState) -> Html:
    """Return the choice of an index, where the settings offer several."""
    names = offered_indexes(settings)
    if len(names) < 2:
        return NOTHING
    chosen = asked.index or settings.index
    options = [
        part(
            "option",
            value="" if name == settings.index else name,
            text=name,
            selected=flag("selected", name == chosen),
        )
        for name in names
    ]
    return part("switch", options=joined(options))


def offered_indexes(settings: Settings) -> list[str]:
    """Return the names of the indexes that the page switches between."""
    return [name.strip() for name in settings.page_indexes.split(",") if name.strip()]


def _total(total: Total | None) -> str:
    """Return the number of results in words."""
    if total is None:
        return ""
    return f"{'' if total.exact else 'about '}{_count(total.documents, 'result')}"


def _sort(asked: PageState, orders: Sequence[str]) -> Html:
    """Return the choice of an order, where there is one."""
    if not orders:
        return NOTHING
    choices = [("", "best match")]
    for order in orders:
        field, descending = order.removeprefix("-"), order.startswith("-")
        choices.append((order, f"{field}, {'high to low' if descending else 'low to high'}"))
    options = [
        part("option", value=value, text=text, selected=flag("selected", value == asked.sort))
        for value, text in choices
    ]
    return part("sort", options=joined(options))


def _corrected(asked: PageState, corrected: Mapping[str, str]) -> Html:
    """Return the line that tells how the query was understood, if not as it was typed."""
    if not corrected:
        return NOTHING
    return part(
        "corrected",
        understood=corrected_query(asked.query, corrected),
        href=asked.link(verbatim=True),
        query=asked.query,
    )


def _pages(asked: PageState, more: bool) -> Html:
    """Return the links to the pages before and after this one."""
    if asked.page == 1 and not more:
        return NOTHING
    back = part("previous", href=asked.link(page=asked.page - 1)) if asked.page > 1 else NOTHING
    onward = part("next", href=asked.link(page=asked.page + 1)) if more else NOTHING
    return part("pages", previous=back, page=asked.page, next=onward)


def _ways(asked: PageState) -> list[tuple[str, str]]:
    """Return texts and links of what to try where there are no hits."""
    ways = []
    if asked.page > 1:
        ways.append(("Back to the first page", asked.link()))
    if asked.filters:
        ways.append(("Take the filters away", asked.link(filters=())))
    if asked.mode == "keyword":
        ways.append(("Search by meaning too", asked.link(mode="hybrid")))
    return ways


def _reason(asked: PageState) -> str:
    """Return why there are no hits."""
    if asked.page > 1:
        return f"There are no further results for “{asked.query}”."
    if asked.filters and asked.mode == "keyword":
        return "No document has these words and fits the filters."
    if asked.filters:
        return "No document fits the filters."
    if asked.mode == "keyword":
        return "No document has any of these words."
    if asked.typing:
        return "No word begins with these letters."
    return "The collection is empty."


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
