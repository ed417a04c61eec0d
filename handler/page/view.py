"""What one state of the search page shows."""

from dataclasses import dataclass

from handler.markup import Html


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The content of the page; `title` goes to the window's title, `status` to screen readers.

    `description` and `image`, an address, are for previews on other sites.

    `kind` is "home", "results" or "document". The browser repeats the request after
    `retry_seconds`, unless that is 0.
    """

    kind: str
    html: Html
    title: str = ""
    description: str = ""
    image: str = ""
    status: str = ""
    retry_seconds: int = 0
