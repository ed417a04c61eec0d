"""Answers for browsers: security headers, and compression for those that take it."""

import base64
import gzip
import hashlib

from starlette.requests import Request
from starlette.responses import Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


def style_policy(style: str, *, forms: str = "'none'") -> str:
    """Return the content security policy of a page that has this style sheet inside, and no script.

    `forms` is where its forms may lead.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action {forms}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def html_answer(
    request: Request, body: bytes, status: int, headers: dict[str, str], gzipped: bytes = b""
) -> Response:
    """Return an answer to a browser, with HEADERS unless `headers` has others.

    Args:
        request: What is answered; it tells whether the browser takes gzip.
        body: The content.
        status: The HTTP status.
        headers: Headers of this answer, among them its Content-Type.
        gzipped: The content compressed, if it is at hand.
    """
    headers = HEADERS | headers
    if not takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(body, status, headers)
    packed = gzipped or compress(body, 5)
    return Response(packed, status, headers | {"Content-Encoding": "gzip"})


def takes_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip, by name or by *, with a weight over 0."""
    weights: dict[str, float] = {}
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        weights[name.strip()] = _weight(weight)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight(text: str) -> float:
    """Return the number of `q=0.5`; 1 if nothing is given, 0 if it is no number."""
    try:
        return float(text.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0


def compress(body: bytes, level: int) -> bytes:
    """Return `body` gzipped; equal bodies give equal bytes."""
    return gzip.compress(body, level, mtime=0)
