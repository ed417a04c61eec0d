"""AWS Signature Version 4 of a JSON request; boto3 would take 155 ms to import and 34 MB."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handler.errors import EngineUnavailable
from handler.storage.connect import container_credentials

if TYPE_CHECKING:
    from obstore.store import S3Credential

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials:
    """The keys of the environment, or those of a Lambda function with SnapStart, which expire."""

    def __init__(self) -> None:
        """Fetch nothing yet."""
        self._fetched: S3Credential | None = None

    def current(self) -> tuple[str, str, str]:
        """Return access key, secret key and session token, which may be empty.

        Raises:
            EngineUnavailable: there are none.
        """
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        key, secret, token = (os.environ.get(name, "") for name in names)
        if key and secret:
            return key, secret, token
        if "AWS_CONTAINER_AUTHORIZATION_TOKEN" not in os.environ:
            raise EngineUnavailable(
                "no credentials for S3 Vectors; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        fetched = self._fetched
        if fetched is None or _ends(fetched) <= datetime.now(UTC):
            fetched = self._fetched = container_credentials()
        return fetched["access_key_id"], fetched["secret_access_key"], fetched.get("token") or ""


def signed(
    host: str, path: str, body: bytes, keys: tuple[str, str, str], region: str, now: datetime
) -> dict[str, str]:
    """Return the headers of a POST with this body to the service s3vectors.

    Source: AWS General Reference, Signature Version 4.
    """
    access, secret, token = keys
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    headers = {"content-type": "application/json", "host": host, "x-amz-date": stamp}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    scope = f"{day}/{region}/s3vectors/aws4_request"
    request = "\n".join(
        ["POST", path, "", _canonical(headers), names, hashlib.sha256(body).hexdigest()]
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join([ALGORITHM, stamp, scope, digest])
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = (
        f"{ALGORITHM} Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {**headers, "authorization": authorization}


def _canonical(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))


def _ends(credentials: "S3Credential") -> datetime:
    ends = credentials.get("expires_at")
    return ends if ends is not None else datetime.max.replace(tzinfo=UTC)
