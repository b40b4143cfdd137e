#!/bin/bash
# Trains on this machine what SageMaker would train in a container, and tells the waiting state machine.
#
# User data runs it as root on Amazon Linux 2023 or a Deep Learning AMI; it writes below $HOME, and installs a
# Python on Amazon Linux. It needs bash, aws and python3 (3.9 will do), and these variables: DROPSERVE_JOB_NAME,
# DROPSERVE_PLAN_URI (plan.json), DROPSERVE_CODE_URI (sourcedir.tar.gz), DROPSERVE_TASK_TOKEN, DROPSERVE_DEADLINE_S
# (seconds), DROPSERVE_LOG_GROUP, AWS_DEFAULT_REGION. However it ends, it shuts the machine down. Its log goes to
# the log group while it grows, from the moment that the training code is there. What a plan says is read by
# training/ec2/job.py alone: no value of it comes into this script.
set -euo pipefail
umask 077

readonly HEARTBEAT_S=30
# What is left to a training that was told to stop, before it is killed.
readonly GRACE_S=60
# What is left to this script after the deadline, before the machine goes down under it.
readonly END_S=300
readonly MAX_CAUSE_CHARACTERS=4000
# The train image's; a package of Amazon Linux 2023: https://docs.aws.amazon.com/linux/al2023/ug/python.html
readonly PYTHON=python3.13
readonly OS_RELEASE=/etc/os-release

reason='' # why the training failed, where its log would not say
child=''  # the step that runs now
watchdog=''
heartbeat=''
shipper=''

main() {
    check_variables
    watch_deadline &
    watchdog=$!
    send_heartbeats &
    heartbeat=$!

    local python
    step aws s3 cp --only-show-errors "$DROPSERVE_PLAN_URI" "$work/plan.json"
    fetch_code
    ship_log &
    shipper=$!
    python=$(find_python) || {
        install_python
        python=$PYTHON
    }
    job "$python" install
    job "$python" fetch
    job "$python" train
    upload_results "$python"
    report_success
}

check_variables() {
    local name
    for name in JOB_NAME PLAN_URI CODE_URI TASK_TOKEN DEADLINE_S LOG_GROUP; do
        name="DROPSERVE_$name"
        [[ -n ${!name:-} ]] || fail "the variable $name is not set"
    done
    [[ $DROPSERVE_DEADLINE_S =~ ^[0-9]+$ ]] || fail "DROPSERVE_DEADLINE_S is not a number of seconds"
    for name in DROPSERVE_PLAN_URI DROPSERVE_CODE_URI; do
        [[ ${!name} =~ ^s3://[a-z0-9.-]+/[A-Za-z0-9._/-]+$ ]] || fail "$name is no address that dropserve makes"
    done
}

# -- the steps

# Runs a command with its output in the log; a signal interrupts `wait`, but not a command in the foreground.
step() {
    "$@" >>"$log" 2>&1 &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=''
    return "$status"
}

fetch_code() {
    step aws s3 cp --only-show-errors "$DROPSERVE_CODE_URI" "$work/sourcedir.tar.gz"
    mkdir -p "$work/code"
    step tar -xzf "$work/sourcedir.tar.gz" -C "$work/code" --no-same-owner
}

job() {
    step env -u DROPSERVE_TASK_TOKEN PYTHONPATH="$work/code" "$1" -P -m training.ec2.job "$2" "$work"
}

# The one on PATH, or the one that a Deep Learning AMI keeps beside the system's: the pinned packages want 3.11.
find_python() {
    local python
    for python in python3 /opt/pytorch/bin/python3; do
        if "$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

# Amazon Linux 2023's own Python is 3.9. No other system is changed: it may be somebody's own machine.
install_python() {
    grep -qx 'ID="amzn"' "$OS_RELEASE" || fail "this machine has no Python 3.11 or newer with pip"
    step dnf install --assumeyes --quiet "$PYTHON" "$PYTHON-pip" ||
        fail "dnf could not install $PYTHON; the log says more"
}

upload_results() {
    # In English: a full disk is known by what they say of it.
    step env LC_ALL=C tar -czf "$work/model.tar.gz" -C "$work/model" .
    step env LC_ALL=C tar -czf "$work/output.tar.gz" -C "$work/output/data" .
    job "$1" upload
}

# -- what the state machine hears; the task token stays out of arguments, which every process can read

report_success() {
    python3 -c "$WRITE_SUCCESS" "$work"
    step aws stepfunctions send-task-success --cli-input-json "file://$work/success.json"
}

report_failure() {
    python3 -c "$WRITE_FAILURE" "$work" "$MAX_CAUSE_CHARACTERS" "$reason"
    aws stepfunctions send-task-failure --cli-input-json "file://$work/failure.json" >>"$log" 2>&1
}

send_heartbeats() {
    local answer
    python3 -c "$WRITE_HEARTBEAT" "$work"
    while true; do
        answer=$(aws stepfunctions send-task-heartbeat --cli-input-json "file://$work/heartbeat.json" 2>&1) || true
        # Nobody waits for this training any more: what it still cost would be wasted.
        [[ ! $answer =~ \((TaskTimedOut|TaskDoesNotExist|InvalidToken)\) ]] ||
            interrupt 'the state machine does not wait for this training any more'
        nap "$HEARTBEAT_S"
    done
}

# -- what people see: a stream of the job's name in CloudWatch Logs

ship_log() {
    # It is told to end by a file: a signal could come before it has sent the last lines.
    trap '' TERM INT
    # shellcheck disable=SC2094 # what it has to say itself belongs in the log, too
    exec env -u DROPSERVE_TASK_TOKEN python3 "$work/code/training/ec2/log_shipper.py" \
        "$log" "$work/log-ended" "$DROPSERVE_LOG_GROUP" "$DROPSERVE_JOB_NAME" >>"$log" 2>&1
}

# -- the end

watch_deadline() {
    nap "$DROPSERVE_DEADLINE_S"
    interrupt "the training was not finished after $DROPSERVE_DEADLINE_S seconds"
    nap "$END_S"
    shutdown -h now
}

# From a background job: end the script and say why.
interrupt() {
    printf '%s' "$1" >"$work/interruption"
    kill -TERM $$
}

# A sleep that ends with the job that called it, and leaves no process behind.
nap() {
    sleep "$1" &
    # shellcheck disable=SC2064 # the number as it is now
    trap "kill $! 2>/dev/null; exit 0" TERM
    wait $!
    trap - TERM
}

fail() {
    reason=$1
    exit 1
}

finish() {
    local status=$?
    trap - EXIT
    trap '' TERM INT
    set +e
    [[ -z $child ]] || end_child 2>/dev/null
    rm -f "$work/reserve"
    if [[ $status -ne 0 ]]; then
        [[ ! -s $work/interruption ]] || reason=$(cat "$work/interruption")
        report_failure
        [[ -z $reason ]] || printf '%s\n' "$reason" >>"$log"
    fi
    [[ -z $heartbeat ]] || kill -TERM "$heartbeat" 2>/dev/null
    tail -n 40 "$log"
    [[ -z $shipper ]] || { : >"$work/log-ended" && wait "$shipper"; }
    # Until here: should anything above hang, the watchdog takes the machine down.
    [[ -z $watchdog ]] || kill -TERM "$watchdog" 2>/dev/null
    shutdown -h now
    exit "$status"
}

# Tell the step that runs to end, and kill it if it does not.
end_child() {
    local polls
    kill -TERM "$child"
    for ((polls = GRACE_S * 5; polls > 0; polls--)); do
        kill -0 "$child" || return
        sleep 0.2
    done
    kill -KILL "$child"
    wait "$child"
}

# -- Python where the shell would be clumsy: JSON in, JSON out

WRITE_SUCCESS='
import json, os, pathlib, sys
work = pathlib.Path(sys.argv[1])
output = {"ModelArtifacts": {"S3ModelArtifacts": (work / "model_uri").read_text()}}
answer = {"taskToken": os.environ["DROPSERVE_TASK_TOKEN"], "output": json.dumps(output)}
(work / "success.json").write_text(json.dumps(answer))
'

WRITE_FAILURE='
import json, os, pathlib, shutil, sys
work, limit, reason = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if not reason and (work / "output" / "failure").exists():
    reason = (work / "output" / "failure").read_text()
log = (work / "boot.log").read_text(errors="replace")
# The log of a full disk may have lost the line that says so; the reserve is free again.
full = [f"No space left on device below {work}"] if shutil.disk_usage(work).free < 2 * 65536 else []
full += [line for line in log[-limit:].splitlines() if "No space left on device" in line or "Disk quota" in line]
if full and (not reason or reason.endswith("the log says more")):
    reason = full[-1]
cause = (reason[:limit] + "\n" if reason else "") + log[-limit:]
answer = {"taskToken": os.environ.get("DROPSERVE_TASK_TOKEN", ""), "error": "TrainingFailed", "cause": cause}
(work / "failure.json").write_text(json.dumps(answer))
'

WRITE_HEARTBEAT='
import json, os, pathlib, sys
answer = {"taskToken": os.environ["DROPSERVE_TASK_TOKEN"]}
(pathlib.Path(sys.argv[1]) / "heartbeat.json").write_text(json.dumps(answer))
'

# It becomes a path: SageMaker's own rule for the name of a job.
[[ ${DROPSERVE_JOB_NAME:-} =~ ^[A-Za-z0-9](-*[A-Za-z0-9])*$ ]] || DROPSERVE_JOB_NAME=''
work="${HOME:-/root}/dropserve/${DROPSERVE_JOB_NAME:-unnamed}"
log="$work/boot.log"
trap finish EXIT
trap 'exit 143' TERM INT
mkdir -p "$work"
: >"$log"
# Room for the reason of a failure, which a full disk would not give.
head -c 65536 /dev/zero >"$work/reserve"
main
