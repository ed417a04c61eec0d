"""The rules of an index, kept current while it is searched."""

from handler.errors import InvalidRules, ObjectNotFound, QuerytowerError
from handler.index.rules import NO_RULES, Rules
from handler.log import log
from handler.versions.layout import Layout
from handler.versions.repository import IndexRepository


class LiveRules:
    """Follows rules.json beside the pointer. A faulty one changes nothing and is logged."""

    def __init__(self) -> None:
        """Start without rules."""
        self._rules = NO_RULES
        self._etag: str | None = None

    def current(self, repository: IndexRepository) -> Rules:
        """Return the rules of an index after a look for newer ones; the store may fail."""
        try:
            changed = repository.folder.get_if_changed(Layout.RULES, self._etag)
            if changed is not None:
                data, self._etag = changed
                self._rules = Rules.parse(data, f"{repository.folder.url}/{Layout.RULES}")
        except ObjectNotFound:
            self._rules, self._etag = NO_RULES, None
        except InvalidRules as problem:
            log("rules_refused", index=repository.name, problem=str(problem))
        except QuerytowerError as problem:
            log("rules_unread", index=repository.name, problem=str(problem))
        return self._rules
