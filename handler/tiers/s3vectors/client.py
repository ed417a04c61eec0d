"""Requests to Amazon S3 Vectors: signed, repeated while the service throttles or fails."""

import json
import os
import time
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import local
from typing import Any
from urllib.parse import urlsplit

from handler.errors import EngineUnavailable, IndexUnavailable, InvalidRequest
from handler.tiers.s3vectors.signing import Credentials, signed

PATIENCE = 5.0
"""Seconds after which a request that keeps failing is given up."""
FIRST_PAUSE = 0.05
TIMEOUT = 4.0
TRANSIENT = {408, 429, 500, 502, 503, 504}

Json = dict[str, Any]


class VectorClient:
    """Calls the operations of the service on one vector bucket. Threads may share a client."""

    def __init__(self, bucket: str) -> None:
        """Take the bucket's name; region and endpoint come from the environment."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self._region = region or "us-east-1"
        default = f"https://s3vectors.{self._region}.api.aws"
        parts = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3VECTORS") or default)
        self._host, self._plain = parts.netloc, parts.scheme == "http"
        self.bucket = bucket
        self._credentials = Credentials()
        self._threads = local()

    @classmethod
    def configured(cls, bucket: str = "") -> "VectorClient":
        """Return a client of `bucket`, by default of the bucket in the environment.

        Raises:
            InvalidRequest: no bucket is named.
        """
        bucket = bucket or os.environ.get("QUERYTOWER_VECTOR_BUCKET", "")
        if not bucket:
            raise InvalidRequest(
                "no vector bucket is named; set QUERYTOWER_VECTOR_BUCKET to an S3 vector bucket"
            )
        return cls(bucket)

    def call(self, operation: str, **parameters: Any) -> Json:
        """Return the answer of an operation, such as QueryVectors.

        Raises:
            IndexUnavailable: the bucket or the index does not exist.
            EngineUnavailable: the service refuses, or failed for PATIENCE seconds.
        """
        body = json.dumps({"vectorBucketName": self.bucket, **parameters}).encode()
        until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
        while True:
            status, answer = self._post(f"/{operation}", body)
            if status == 200:
                return dict(json.loads(answer or b"{}"))
            if status == 404:
                raise IndexUnavailable(
                    f"S3 Vectors has no such bucket or index in {self.bucket}; index again"
                )
            if status not in TRANSIENT or time.monotonic() + pause > until:
                raise EngineUnavailable(
                    f"S3 Vectors answers {operation} with {status or 'nothing'}"
                )
            time.sleep(pause)
            pause *= 2

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer; status 503 where no answer came."""
        keys = self._credentials.current()
        headers = signed(self._host, path, body, keys, self._region, datetime.now(UTC))
        try:
            connection = self._connection()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            self._threads.connection = None
            return 503, b""

    def _connection(self) -> HTTPConnection:
        """Return this thread's connection, which stays open."""
        connection: HTTPConnection | None = getattr(self._threads, "connection", None)
        if connection is None:
            kind = HTTPConnection if self._plain else HTTPSConnection
            connection = self._threads.connection = kind(self._host, timeout=TIMEOUT)
        return connection
