"""The small programs that stand for containers and functions in the tests of the workflow."""

from pathlib import Path

# Its folder stands for /opt/ml.
TRAIN = """
import json, os, pathlib, signal, sys, time
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
given = json.loads((root / "input/config/hyperparameters.json").read_text())
on_demand = "-demand-" in os.environ["TRAINING_JOB_NAME"]
def fail(reason):
    (root / "output/failure").write_text(reason)
    sys.exit(1)
# A fault of spot capacity does not meet the job on demand.
if given.get("fail") and not ("CapacityError" in given["fail"] and on_demand):
    fail(given["fail"])
time.sleep(float(given.get("sleep_s", 0)))
if "fail_later" in given:
    fail(given["fail_later"])
if "die" in given:
    os.kill(os.getpid(), signal.SIGKILL)
(root / "model/model").write_text("trained")
for name in ("classes.json", "trouble.json"):
    if name.partition(".")[0] in given:
        (root / "model" / name).write_text(given[name.partition(".")[0]])
"""

# Answers the last class of the model's classes.json, if the model has one. Once the file is there that its
# trouble.json names, it does badly: "slow", "failing", "unsure" or "wrong".
SERVE = """
import json, os, pathlib, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
def trouble_of(model):
    file = model / "trouble.json"
    trouble = json.loads(file.read_text()) if file.exists() else {"kind": "", "since": "/"}
    return trouble["kind"] if os.path.exists(trouble["since"]) else ""
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        model = pathlib.Path(os.environ["SM_MODEL_DIR"])
        classes = json.loads((model / "classes.json").read_text())
        scores = [0.0] * (len(classes) - 1) + [1.0]
        trouble = trouble_of(model)
        if trouble == "slow":
            time.sleep(3)
        if trouble == "failing":
            self.send_error(500)
            return
        if trouble == "unsure":
            scores = [1 / len(classes)] * len(classes)
        if trouble == "wrong":
            scores.reverse()
        body = json.dumps({"classes": classes, "scores": scores, "probabilities": scores}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
if "broken" in sys.argv:
    sys.exit("this container has no model server")
if "hanging" in sys.argv:
    # Longer than a run waits for it, and shorter than a teardown does.
    time.sleep(5)
    sys.exit("this container has loaded no model")
HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""

# The function of a name answers what the stage says that owns the bucket of the run.
ANSWERING = """
import json, pathlib, time
def handler(event, context):
    stage = event["run"]["bucket"]
    answer = json.loads(pathlib.Path({folder!r}, stage).read_text())[{name!r}]
    time.sleep(answer.pop("sleep_s", 0))
    if "raise" in answer:
        raise type(answer.get("error", "RuntimeError"), (Exception,), {{}})(answer["raise"])
    if answer.get("judged_against") == "whoever is live":
        import boto3
        found = boto3.client("ssm").get_parameters(Names=["/" + stage + "/live"])["Parameters"]
        answer["judged_against"] = json.loads(found[0]["Value"])["run_id"] if found else ""
    return answer
"""

# A function that gives always the same answer.
CONSTANT = """
def handler(event, context):
    answer = {answer!r}
    if "raise" in answer:
        raise RuntimeError(answer["raise"])
    return answer
"""

# The functions that read what comes from outside are the real ones, run from this repository.
READER = """
import sys
sys.path.insert(0, {root!r})
from functions.{name}.reading import {name}
def handler(event, context):
    return {call}
"""
REAL_FUNCTION = """
import sys
sys.path.insert(0, {root!r})
from functions.{name}.handler import handler
"""
ROOT = str(Path(__file__).resolve().parents[3])
