"""A small S3-compatible store for tests: objects at once and in parts, behind signatures that are verified (SigV4).

A larger one (moto) brings forty packages along, and verifies none.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, quote, urlsplit

KEY, SECRET = "test-key", "test-secret-of-the-store"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?SignedHeaders=(?P<headers>[^,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


class ObjectStore:
    """Objects by their path. `before_part` is called before a part is taken."""

    def __init__(self, port: int, bucket: str = "bucket") -> None:
        self.url = f"http://127.0.0.1:{port}/{bucket}"
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.requests: list[str] = []
        self.before_part: Callable[[], None] = lambda: None
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> ObjectStore:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: ObjectStore
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._lets_in():
            return
        if upload := self._query.get("uploadId"):
            self.store.before_part()
            self.store.uploads[upload][int(self._query["partNumber"])] = body
        else:
            self.store.objects[self._path] = body
        self._answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self._lets_in():
            return
        if "uploads" in self._query:
            upload = f"upload-{len(self.store.requests)}"
            self.store.uploads[upload] = {}
            self._answer(
                200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        else:
            parts = self.store.uploads.pop(self._query["uploadId"])
            self.store.objects[self._path] = b"".join(parts[number] for number in sorted(parts))
            self._answer(200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def do_DELETE(self) -> None:
        if self._lets_in():
            self.store.uploads.pop(self._query["uploadId"], None)
            self._answer(204)

    def do_GET(self) -> None:
        """Nothing is read by whoever may only write."""
        self._refuse(403, "AccessDenied")

    do_HEAD = do_GET

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path

    @property
    def _query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    def _lets_in(self) -> bool:
        self.store.requests.append(f"{self.command} {self.path}")
        if not self._is_signed():
            return self._refuse(403, "SignatureDoesNotMatch")
        if not self._path.startswith(f"/{self.store.bucket}/"):
            return self._refuse(404, "NoSuchBucket")
        return True

    def _is_signed(self) -> bool:
        match = _AUTHORIZATION.fullmatch(self.headers.get("Authorization", ""))
        if not match or match["key"] != KEY:
            return False
        names = match["headers"].split(";")
        query = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in self._query.items())
        canonical = [self.command, self._path, "&".join("=".join(pair) for pair in query)]
        canonical += [f"{name}:{self.headers[name].strip()}" for name in names]
        canonical += ["", match["headers"], self.headers["x-amz-content-sha256"]]
        hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        key = f"AWS4{SECRET}".encode()
        for part in match["scope"].split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        said = f"AWS4-HMAC-SHA256\n{self.headers['x-amz-date']}\n{match['scope']}\n{hashed}"
        return hmac.compare_digest(hmac.new(key, said.encode(), "sha256").hexdigest(), match["signature"])

    def _refuse(self, status: int, code: str) -> bool:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")
        return False

    def _answer(self, status: int, body: str = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        data = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode() if body else b""
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
