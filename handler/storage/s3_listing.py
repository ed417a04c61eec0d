"""A listing of S3 that has every key.

obstore lists nothing at all where one key has an empty part or a control character, and it has no
request of its own to sign. So this one is signed here, by AWS's Signature Version 4, and only
asked for where obstore gives up.
"""

import hashlib
import hmac
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus, urlencode, urlsplit
from xml.etree import ElementTree

from handler.storage.connect import container_credentials

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Credential

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
EMPTY = hashlib.sha256(b"").hexdigest()
MAX_PAGE_BYTES = 32 << 20


def list_keys(url: str, prefix: str, timeout: float) -> Iterator["ObjectMeta"]:
    """Yield each object below a folder as obstore describes it, without the markers of folders.

    Args:
        url: s3://bucket or s3://bucket/folder; keys are relative to it.
        prefix: folder below that, without outer slashes; empty for all.
        timeout: seconds for which the server may send nothing.

    Raises:
        OSError: the server can't be reached, refuses, or there are no credentials for it.
    """
    parts = urlsplit(url)
    root = f"{parts.path.strip('/')}/".lstrip("/")
    folder = f"{root}{prefix}/" if prefix else root
    query = {"list-type": "2", "encoding-type": "url", "prefix": folder}
    while True:
        page = ElementTree.fromstring(_get(parts.netloc, query, timeout))  # noqa: S314
        for each in page.iter(f"{NAMESPACE}Contents"):
            key = unquote_plus(each.findtext(f"{NAMESPACE}Key", ""))
            size = int(each.findtext(f"{NAMESPACE}Size", "0"))
            if key.endswith("/") and not size:
                continue
            yield {
                "path": key.removeprefix(root),
                "size": size,
                "e_tag": each.findtext(f"{NAMESPACE}ETag", ""),
                "last_modified": datetime.fromisoformat(
                    each.findtext(f"{NAMESPACE}LastModified", "")
                ),
                "version": None,
            }
        token = page.findtext(f"{NAMESPACE}NextContinuationToken")
        if not token:
            return
        query["continuation-token"] = token


def _get(bucket: str, query: dict[str, str], timeout: float) -> bytes:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or os.environ.get("AWS_ENDPOINT")
        or f"https://s3.{region}.{suffix}"
    )
    parts = urlsplit(endpoint)
    path = f"{parts.path.rstrip('/')}/{quote(bucket)}"
    text = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    headers = _signed(parts.netloc, path, text, region, _credentials())
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", f"{path}?{text}", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"status code: {answer.status}")
        return answer.read(MAX_PAGE_BYTES)
    except HTTPException as cause:
        raise OSError(f"kind: Body, {type(cause).__name__}") from None
    finally:
        connection.close()


def _credentials() -> "S3Credential":
    if "AWS_CONTAINER_AUTHORIZATION_TOKEN" in os.environ:
        return container_credentials()
    try:
        return {
            "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
            "token": os.environ.get("AWS_SESSION_TOKEN"),
            "expires_at": None,
        }
    except KeyError:
        raise OSError("credential provider") from None


def _signed(
    host: str, path: str, query: str, region: str, credentials: "S3Credential"
) -> dict[str, str]:
    """Return the headers of a signed GET request.

    Source: AWS, "Create a signed AWS API request", Signature Version 4.
    """
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    headers = {"host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": now}
    if credentials.get("token"):
        headers["x-amz-security-token"] = str(credentials["token"])
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{EMPTY}"
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials['secret_access_key']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials['access_key_id']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature.hex()}"
    )
    return headers
