"""Failures of disks and object stores, put into words: where, what, and what to do."""

import errno
import os
import re

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from handler.errors import LostRace, ObjectNotFound, StoreError

FAILURES = (BaseError, OSError, ValueError, NotImplementedError)
"""All that obstore and the file system raise."""

DISK = {
    errno.ENOSPC: "the disk is full; free space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free space or choose another folder",
    errno.EROFS: "the file system is read-only; choose a folder that can be written",
    errno.EACCES: "permission denied; check owner and mode of the folder",
    errno.EPERM: "permission denied; check owner and mode of the folder",
    errno.EEXIST: "a file is in the place of a folder; remove it or choose another folder",
    errno.ENOTDIR: "a file is in the place of a folder; remove it or choose another folder",
    errno.EISDIR: "a folder is in the place of a file; remove it or choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}

LOST = "somebody else wrote it in the meantime; read it again and decide anew"
NO_BUCKET = r"NoSuchBucket|ContainerNotFound|bucket does not exist"
INVALID_PATH = (
    "a key in the bucket has an empty part, a control character or the like; rename that object"
)
BUCKET = (  # pattern in obstore's message, then problem and remedy; the first match counts
    (r"invalid path", INVALID_PATH),
    (NO_BUCKET, "the bucket does not exist; create it or correct the URL"),
    (
        r"169\.254\.169\.254|metadata\.google\.internal|credential provider",
        "no usable credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
        "(or your provider's variables)",
    ),
    (
        r"kind: Timeout|TimedOut",
        "no answer in time; check network and endpoint, or allow a longer timeout",
    ),
    (
        r"kind: Connect",
        "the server can't be reached; check network and endpoint (AWS_ENDPOINT_URL)",
    ),
    (
        r"status code: 3\d\d|LOCATION",
        "the bucket is in another region; set AWS_REGION to that region",
    ),
    (r"status code: 40[13]", "permission denied; check the credentials and what they allow"),
    (r"status code: (429|5\d\d)", "the server fails or is overloaded; try again later"),
    (
        r"kind: (Interrupted|Body|Decode)",
        "the connection broke in the middle of the transfer; try again",
    ),
)


def explain(error: Exception, where: str, *, local: bool) -> StoreError:
    """Turn one of FAILURES, met at `where`, into a StoreError, ObjectNotFound or LostRace.

    The original text is not passed on: addresses, headers and answers may hold secrets.
    """
    text = str(error)
    if not re.search(NO_BUCKET, text):
        if isinstance(
            error, AlreadyExistsError | PreconditionError
        ):  # 412 and 409: both mean that another was first
            return LostRace(f"{where}: {LOST}")
        if isinstance(error, FileNotFoundError):
            return ObjectNotFound(f"{where}: does not exist; check URL and name")
    if local:
        return _explain_disk(error, text, where)
    for pattern, problem in BUCKET:
        if re.search(pattern, text):
            return StoreError(f"{where}: {problem}{_answer(text)}")
    return StoreError(
        f"{where}: {_first_line(text)}; check the URL and the provider's environment variables"
    )


def _explain_disk(error: Exception, text: str, where: str) -> StoreError:
    found = re.search(r"code: (\d+),", text)
    code = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
    if code == errno.ENOENT:
        return ObjectNotFound(f"{where}: does not exist; check folder and name")
    known = DISK.get(code or 0)
    return StoreError(
        f"{where}: {known or f'{os.strerror(code) if code else _first_line(text)}; check the disk'}"
    )


def _answer(text: str) -> str:
    """Return the server's status and error code, such as ` (503 SlowDown)`, if there is one."""
    parts = re.findall(
        r"status code: (\d{3})|<Code>(\w+)</Code>", text.partition("Debug source")[0]
    )
    return f" ({' '.join(status or code for status, code in parts)})" if parts else ""


def _first_line(text: str) -> str:
    """Return the first line without answers of servers, queries and user names of URLs."""
    return re.sub(r"[?<].*|//[^/\s]*@", "", text.partition("\n")[0]).strip(" .:")
