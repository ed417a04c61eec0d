"""A stand-in for Amazon S3 Vectors on loopback: it holds requests and answers against AWS's own model.

botocore's service model says which parameters there are, and botocore computes the signature again.
What the service finds is our reading of its guide: nobody ran this against AWS.
"""

import json
import math
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session  # type: ignore[import-untyped]
import numpy as np
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

MODEL = botocore.session.get_session().get_service_model("s3vectors")
KEYS = ("AKIATESTTESTTEST", "not-a-secret", "token-of-a-session")
REGION = "us-east-1"
PAGE = 150
MOST_CONSTRAINTS = 100

Json = dict[str, Any]


@dataclass
class VectorService:
    """The vector indexes, what was asked, and how the service is to fail."""

    indexes: dict[str, Json] = field(default_factory=dict)
    vectors: dict[str, dict[str, Json]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    url: str = ""

    def answer(self, operation: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Json]:
        self.asked.append(operation)
        if self.failing:
            return self.failing.pop(0), {"message": "slow down"}
        check_signature(f"{self.url}/{operation}", body, headers)
        model, given = MODEL.operation_model(operation), json.loads(body)
        report = ParamValidator().validate(given, model.input_shape)
        if report.has_errors():
            return 400, {"message": report.generate_report()}
        name = given["indexName"]
        if operation != "CreateIndex" and name not in self.indexes:
            return 404, {"message": "no such index"}
        found: Json = getattr(self, operation)(given) or {}
        if model.output_shape:
            assert not ParamValidator().validate(found, model.output_shape).has_errors()
        return 200, found

    def CreateIndex(self, given: Json) -> Json:  # noqa: N802
        self.indexes[given["indexName"]] = given
        self.vectors[given["indexName"]] = {}
        return {"indexArn": f"arn:aws:s3vectors:{REGION}:123456789012:bucket/books/index/qt-index"}

    def DeleteIndex(self, given: Json) -> None:  # noqa: N802
        del self.indexes[given["indexName"]]
        del self.vectors[given["indexName"]]

    def PutVectors(self, given: Json) -> None:  # noqa: N802
        hidden = self._configuration(given)["nonFilterableMetadataKeys"]
        for each in given["vectors"]:
            metadata = each["metadata"]
            filterable = {name: v for name, v in metadata.items() if name not in hidden}
            assert len(json.dumps(filterable).encode()) <= 2048
            assert len(json.dumps(metadata).encode()) <= 40_960
            assert len(each["data"]["float32"]) == self.indexes[given["indexName"]]["dimension"]
            self.vectors[given["indexName"]][each["key"]] = each

    def DeleteVectors(self, given: Json) -> None:  # noqa: N802
        for key in given["keys"]:
            self.vectors[given["indexName"]].pop(key, None)

    def GetVectors(self, given: Json) -> Json:  # noqa: N802
        there = self.vectors[given["indexName"]]
        found = [there[key] for key in given["keys"] if key in there]
        shown = ["key", *["data"] * given.get("returnData", False)]
        shown += ["metadata"] * given.get("returnMetadata", False)
        return {"vectors": [{name: each[name] for name in shown} for each in found]}

    def QueryVectors(self, given: Json) -> Json:  # noqa: N802
        assert ("queryVector" in given) != ("queryTexts" in given)
        wanted = given.get("filter", {})
        hidden = self._configuration(given)["nonFilterableMetadataKeys"]
        assert constraints(wanted, hidden) <= MOST_CONSTRAINTS
        there = [
            each
            for each in self.vectors[given["indexName"]].values()
            if passes(each["metadata"], wanted)
        ]
        ranked = (
            self._nearest(given, there) if "queryVector" in given else self._words(given, there)
        )
        start = int(given.get("nextToken", 0))
        end = min(start + PAGE, given["topK"])
        found = ranked[start:end]
        answer: Json = {"vectors": found, "distanceMetric": "cosine"}
        if end < min(given["topK"], len(ranked)):
            answer["nextToken"] = str(end)
        return answer

    def _nearest(self, given: Json, there: list[Json]) -> list[Json]:
        vector = np.array(given["queryVector"]["float32"], np.float32)
        found = [
            {
                "key": each["key"],
                "metadata": each["metadata"],
                "distance": float(1 - np.array(each["data"]["float32"], np.float32) @ vector),
            }
            for each in there
        ]
        return sorted(found, key=lambda each: each["distance"])

    def _words(self, given: Json, there: list[Json]) -> list[Json]:
        [asked] = given["queryTexts"]
        searched = [
            each["metadataKey"] for each in self._configuration(given)["textSearchConfigurations"]
        ]
        assert asked["metadataKey"] in searched
        texts = {each["key"]: Counter(words(each["metadata"]["text"])) for each in there}
        holding = Counter(word for counts in texts.values() for word in counts)
        found = []
        for each in there:
            score = sum(
                math.log(1 + len(there) / holding[word]) * n / (n + 1)
                for word in words(asked["text"])
                if (n := texts[each["key"]][word])
            )
            if score:
                scores = {"bm25Scores": [{"metadataKey": "text", "score": score}]}
                entry = {"key": each["key"], "metadata": each["metadata"], "scores": scores}
                found.append((score, entry))
        found.sort(key=lambda pair: -pair[0])
        return [entry for _, entry in found]

    def _configuration(self, given: Json) -> Json:
        return dict(self.indexes[given["indexName"]]["metadataConfiguration"])


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def constraints(condition: Json, hidden: list[str]) -> int:
    total = 0
    for name, value in condition.items():
        if name in ("$and", "$or"):
            total += sum(constraints(each, hidden) for each in value)
        else:
            assert not name.startswith("$")
            assert name not in hidden
            total += len(value)
    return total


def passes(metadata: Json, condition: Json) -> bool:
    """Tell whether metadata match a filter, as the guide of the service describes filters."""
    results = []
    for name, value in condition.items():
        if name == "$and":
            results.append(all(passes(metadata, each) for each in value))
        elif name == "$or":
            results.append(any(passes(metadata, each) for each in value))
        else:
            results += [holds(metadata.get(name), sign, operand) for sign, operand in value.items()]
    return all(results)


def holds(found: Any, sign: str, operand: Any) -> bool:
    if sign == "$exists":
        return (found is not None) is bool(operand)
    values = found if isinstance(found, list) else [found]
    if found is None:
        return False
    if sign == "$eq":
        return bool(operand in values)
    if sign == "$ne":
        return bool(operand not in values)
    assert not isinstance(found, list)
    if sign == "$startsWith":
        return bool(found.startswith(operand))
    compared = {"$gt": found > operand, "$gte": found >= operand, "$lt": found < operand}
    return bool((compared | {"$lte": found <= operand})[sign])


def check_signature(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Compute the signature again, by botocore, and compare."""
    authorization = headers["authorization"]
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    sent = {name: headers[name] for name in names}
    request = AWSRequest("POST", url, sent, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(*KEYS), "s3vectors", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert authorization.endswith(f"Signature={signer.signature(text, request)}")
    assert headers["x-amz-security-token"] == KEYS[2]


@contextmanager
def running() -> Iterator[VectorService]:
    """Run the service on a port of loopback."""
    service = VectorService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, found = service.answer(self.path.strip("/"), body, headers)
            except AssertionError as error:
                status, found = 400, {"message": f"the stand-in objects: {error}"}
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_given: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
