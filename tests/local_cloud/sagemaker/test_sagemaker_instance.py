"""One instance of an endpoint: its server can tell the endpoint from others that reach its port."""

import sys
from pathlib import Path

from local_cloud.processes import Processes
from local_cloud.services.sagemaker.hosting.instance import Instance
from tests.support.waiting import wait_until

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()
    def answer(self):
        key = os.environ["SERVE_ACCESS_KEY"]
        known = len(key) == 64 and self.headers.get_all("X-Serve-Access-Key") == [key]
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def test_each_instance_has_an_access_key_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    processes = Processes()
    instances = [Instance((sys.executable, str(program)), {}, tmp_path) for _ in range(2)]
    try:
        for instance in instances:
            instance.start(processes)
        assert wait_until(lambda: all(instance.is_healthy() for instance in instances))
        # A caller of InvokeEndpoint cannot put another key in its place.
        for headers in ({}, {"Content-Type": "image/jpeg", "x-serve-access-key": "guess"}):
            assert instances[0].invoke(headers, b"photo", timeout_s=30).status == 200
        instances[0]._access_key = instances[1]._access_key
        assert instances[0].invoke({}, b"photo", timeout_s=30).status == 403
    finally:
        for instance in instances:
            instance.stop()
        processes.close()
