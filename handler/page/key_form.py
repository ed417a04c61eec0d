"""The form that asks a browser for a key, and the cookie that keeps it.

Imported when somebody without a key comes, so that no start waits for it.
"""

from http import HTTPStatus
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from handler.html_answer import html_answer, style_policy
from handler.keys import COOKIE, Keys
from handler.markup import Html, fill
from handler.page.templates import parts

MONTH = 30 * 24 * 3600
MAX_PARAMETERS = 5
ASK = "This collection needs a key."
UNKNOWN = "That is none of the keys. Type or paste it again."


def form(request: Request, title: str, problem: str = ASK, to: str = "") -> Response:
    """Return the form, as a 401; `to` is the page that follows, by default the one asked for."""
    style = parts("key.html")["style"]
    html = fill(
        parts("key.html")["page"],
        title=title,
        style=Html(style),
        problem=problem,
        to=to or _local(f"{request.url.path}?{request.url.query}".rstrip("?")),
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": style_policy(style, forms="'self'"),
        "Cache-Control": "no-store",
        "WWW-Authenticate": "Bearer",
    }
    return html_answer(request, html.encode(), HTTPStatus.UNAUTHORIZED, headers)


def enter(request: Request, body: bytes, title: str, keys: Keys) -> Response:
    """Answer the form: a cookie and the page that was asked for, or the form again."""
    try:
        given = parse_qs(body.decode(), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        given = {}
    key, to = given.get("key", [""])[0], _local(given.get("to", ["/"])[0])
    if not keys.accept(key):
        return form(request, title, UNKNOWN, to)
    answer = RedirectResponse(to, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    # Lax: other sites may link to the page, but their forms and frames bring no key.
    answer.set_cookie(
        COOKIE,
        quote(key.strip(" \t"), safe=""),
        max_age=MONTH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _local(path: str) -> str:
    """Return `path` if it leads to a page of this site, or else the search page."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
