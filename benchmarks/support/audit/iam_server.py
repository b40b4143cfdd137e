"""IAM's GetAccountAuthorizationDetails over HTTP, from a saved account.

`python -m benchmarks.support.audit.iam_server FILE FOLDER` prints its port and serves until its input ends.
It answers as AWS does: XML, pages of MaxItems, policies percent-encoded. What is put goes into the folder;
the rest is refused.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_DOCUMENTS = {"AssumeRolePolicyDocument", "PolicyDocument", "Document"}
_OPERATION = "GetAccountAuthorizationDetails"


class _Handler(BaseHTTPRequestHandler):
    entities: list[tuple[str, dict[str, Any]]]
    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        parameters = {name: values[0] for name, values in parse_qs(body).items()}
        if parameters.get("Action") == _OPERATION:
            self._send(200, _page(self.entities, parameters))
        else:
            self._refuse()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        (self.folder / Path(self.path).name).write_bytes(body)
        self._send(200, "")

    def do_GET(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        error = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        self._send(403, error)

    def _send(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _page(entities: list[tuple[str, dict[str, Any]]], parameters: dict[str, str]) -> str:
    start, most = int(parameters.get("Marker", 0)), int(parameters.get("MaxItems", 100))
    page = list(islice(entities, start, start + most))
    more = start + most < len(entities)
    lists = "".join(
        f"<{name}>{''.join(_member(each) for kind, each in page if kind == name)}</{name}>" for name in _LISTS
    )
    marker = f"<Marker>{start + most}</Marker>" if more else ""
    return (
        f'<{_OPERATION}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><{_OPERATION}Result>'
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{marker}{lists}"
        f"</{_OPERATION}Result></{_OPERATION}Response>"
    )


def _member(value: Any) -> str:
    return f"<member>{_xml(value)}</member>"


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            f"<{name}>{quote(json.dumps(each), safe='') if name in _DOCUMENTS else _xml(each)}</{name}>"
            for name, each in value.items()
        )
    if isinstance(value, list):
        return "".join(map(_member, value))
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def main(file: Path, folder: Path) -> None:
    """Serve the account until standard input ends."""
    _Handler.folder = folder
    account = json.loads(file.read_text("utf-8"))
    _Handler.entities = [(name, entity) for name in _LISTS for entity in account[name]]
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
