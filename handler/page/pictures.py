"""Pictures of documents, such as covers: where they may come from, and which a document has."""

from typing import NamedTuple, Self
from urllib.parse import urlsplit

from handler.corpus.document import Document
from handler.html_answer import POLICY
from handler.page.links import host_of
from handler.settings import Settings


class Pictures(NamedTuple):
    """The metadata field that has a picture's address, and the origins that it may have."""

    field: str = ""
    origins: frozenset[str] = frozenset()

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """Read the settings; a host without a scheme is one of https."""
        names = [name.strip() for name in settings.page_image_hosts.split(",")]
        origins = [name if "://" in name else f"https://{name}" for name in names if name]
        return cls(settings.page_image_field, frozenset(origin.lower() for origin in origins))

    def of(self, document: Document) -> str:
        """Return the address of a document's picture, or nothing if it may not be shown."""
        value = document.metadata.get(self.field, "") if self.field else ""
        url = value if isinstance(value, str) else ""
        if not host_of(url):
            return ""
        parts = urlsplit(url)
        return url if f"{parts.scheme}://{parts.netloc}".lower() in self.origins else ""

    def policy(self) -> str:
        """Return the content security policy of a page with these pictures."""
        sources = " ".join(["img-src 'self' data:", *sorted(self.origins)])
        return POLICY.replace("img-src 'self' data:", sources) if self.field else POLICY


NO_PICTURES = Pictures()
