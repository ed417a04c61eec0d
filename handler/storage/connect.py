"""From a storage URL and the environment to a connected obstore client."""

import json
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.store import MemoryStore, from_url

from handler.errors import StoreError
from handler.urls import shown_url

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Credential

PATIENCE = 6
"""Timeouts that one request may take in all, as long as bytes flow."""
ENDPOINTS = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
)


def folder_of(url: str) -> Path | None:
    """Return the folder that a path or file:// URL names, or None for the URL of a bucket or of memory://.

    Raises:
        StoreError: another scheme, no bucket, or credentials inside the URL.
    """
    scheme = re.match(r"(\w[\w+.-]+):", url)
    if url and (not scheme or scheme[1] == "file"):
        return Path(unquote(urlsplit(url).path) if scheme else url).expanduser().absolute()
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if re.search("[@:]", parts.netloc) or parts.query or parts.fragment:
        raise StoreError(
            f"{shown_url(url)}: a storage URL holds no credentials; set them in the environment"
        )
    if not url.startswith("memory://") and not (
        parts.scheme in ("s3", "gs", "az") and parts.netloc
    ):
        raise StoreError(
            f"{shown_url(url)!r} is not a store; give a folder, s3://bucket/prefix, gs://…, az://… or memory://"
        )
    return None


def connect(url: str, timeout: float, retries: int, *, bulk: bool = False) -> "ObjectStore":
    """Make a client that gives up after `timeout` seconds of silence, and retries `retries` times.

    A `bulk` client is for large uploads, during which the server is silent until the last byte: its
    requests end after PATIENCE timeouts.
    """
    if url.startswith("memory:"):
        return MemoryStore()
    silence = timedelta(seconds=timeout)
    client: dict[str, Any] = {
        "connect_timeout": min(silence, timedelta(seconds=5)),
        "timeout": PATIENCE * silence,
        "allow_http": any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS),
    }
    if not bulk:
        client["read_timeout"] = silence
    backoff = {
        "init_backoff": timedelta(seconds=0.1),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    }
    retry = {"max_retries": retries, "retry_timeout": silence * (retries + 1), "backoff": backoff}
    options: dict[str, Any] = {"client_options": client, "retry_config": retry}
    if url.startswith("s3:") and "AWS_CONTAINER_AUTHORIZATION_TOKEN" in os.environ:
        options["credential_provider"] = container_credentials
    return from_url(url, **options)


def container_credentials() -> "S3Credential":
    """Fetch the credentials of a Lambda function with SnapStart, which has a token and no keys.

    obstore knows this protocol only with the token in a file.
    """
    from http.client import HTTPConnection

    address = urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    connection = HTTPConnection(address.netloc, timeout=5)
    try:
        token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        connection.request("GET", address.path, headers={"Authorization": token})
        answer = json.load(connection.getresponse())
    finally:
        connection.close()
    return {
        "access_key_id": answer["AccessKeyId"],
        "secret_access_key": answer["SecretAccessKey"],
        "token": answer["Token"],
        "expires_at": datetime.fromisoformat(answer["Expiration"]),
    }
