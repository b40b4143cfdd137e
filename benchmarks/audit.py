"""Our audit of saved authorization details against `cloudsplaining scan`.

The same file, with 50, 500 and 5,000 roles, goes through both programs in turns, each a process of its own,
from its start to its last output. `over_cloudsplaining` is how many times faster ours is. What each finds is
compared role by role; a true finding of cloudsplaining's that ours lacks ends the benchmark with an error.
Results go to benchmarks/results/audit.json; `--quick` takes the smallest file, once, and writes none.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.support.audit import cloudsplaining
from benchmarks.support.machine import describe_machine
from benchmarks.support.processes import Usage, run_program
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.spread import ratios, spread

# Roles in the file -> rounds.
ROUNDS = {50: 9, 500: 5, 5_000: 3}
# The Lambda function that audits has this much memory.
LAMBDA_MEMORY_BYTES = 512 * 1024 * 1024


def main() -> int:
    """Run every size, print each as it ends, write the results; 1 when a true finding was missed."""
    options = _options()
    sizes = sorted(ROUNDS)[:1] if options.quick else sorted(ROUNDS)
    python = cloudsplaining.prepared_python()
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as name:
        results = {size: _run_size(Path(name), size, python, options.rounds) for size in sizes}
        function = _run_function(Path(name), sizes[-1])
    missed = [
        (size, risk_class, row["missed"])
        for size, result in results.items()
        for risk_class, row in result["comparison"].items()
        if row["missed"]
    ]
    for size, risk_class, arns in missed:
        print(f"{size} roles, {risk_class}: missed on {', '.join(arns[:3])} and {len(arns)} in all")
    if not options.quick:
        write_results(RESULTS / "audit.json", _document(results, function))
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest file, once; no results written")
    parser.add_argument("--rounds", type=int, help="rounds of every size")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def _run_size(folder: Path, size: int, peer_python: Path, rounds: int | None) -> dict[str, Any]:
    file = folder / f"{size}.json"
    _run_part("benchmarks.support.audit.iam_accounts", file, size)
    ours: list[Usage] = []
    peer: list[Usage] = []
    output = folder / f"cloudsplaining-{size}"
    output.mkdir()
    for _ in range(rounds or ROUNDS[size]):
        log = folder / f"ours-{size}.json"
        ours.append(run_program(["-m", "functions.iam_audit", file, "--json"], log))
        arguments = cloudsplaining.scan_arguments(file, output)
        peer.append(run_program(arguments, folder / "cloudsplaining.log", python=peer_python))
    compared = json.loads(_run_part("benchmarks.support.audit.audit_comparison", file, log, output))
    result = {
        "roles": size,
        "file_bytes": file.stat().st_size,
        "rounds": len(ours),
        "ours": _told(ours),
        "cloudsplaining": _told(peer),
        "over_cloudsplaining": ratios([it.wall_s for it in peer], [it.wall_s for it in ours]),
        **compared,
    }
    _print(result)
    return result


def _run_part(module: str, *arguments: object) -> str:
    """What a part of the benchmark prints, run by itself: Linux counts a parent's memory as its child's."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    return done.stdout


def _run_function(folder: Path, size: int) -> dict[str, Any]:
    """The Lambda function itself on the largest account, over HTTP: memory, time, calls."""
    received = folder / "received"
    received.mkdir()
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.support.audit.iam_server",
            str(folder / f"{size}.json"),
            str(received),
        ],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        usage = run_program(["-m", "benchmarks.support.audit.audit_function", port], folder / "function.log")
    finally:
        server.communicate("")
    result = {
        "roles": size,
        "api_calls": _api_calls(received / "audit.json"),
        "seconds": float(f"{usage.wall_s:.3g}"),
        "peak_memory_bytes": usage.peak_memory_bytes,
        "share_of_lambda_memory": float(f"{usage.peak_memory_bytes / LAMBDA_MEMORY_BYTES:.3g}"),
    }
    print(
        f"the function on {size} roles: {result['api_calls']} calls answered or refused, "
        f"{usage.peak_memory_bytes / 2**20:.0f} MiB, {usage.wall_s:.3g} s"
    )
    return result


def _api_calls(report: Path) -> int:
    """The calls that a large report says it took."""
    found = re.search(r'"api_calls":\s*(\d+)', report.read_text("utf-8"))
    if found is None:
        raise SystemExit(f"{report} does not say how many calls it took")
    return int(found[1])


def _told(usages: list[Usage]) -> dict[str, Any]:
    return {
        "seconds": spread(it.wall_s for it in usages),
        "processor_seconds": spread(it.cpu_s for it in usages),
        "peak_memory_bytes": max(it.peak_memory_bytes for it in usages),
        "others_share": spread(it.others_share for it in usages),
    }


def _print(result: dict[str, Any]) -> None:
    ours, peer, over = result["ours"], result["cloudsplaining"], result["over_cloudsplaining"]
    print(
        f"{result['roles']:5} roles: ours {ours['seconds']['median']:.3g} s, "
        f"{ours['peak_memory_bytes'] / 2**20:.0f} MiB; cloudsplaining {peer['seconds']['median']:.3g} s, "
        f"{peer['peak_memory_bytes'] / 2**20:.0f} MiB; {over['median']:.3g} times faster "
        f"({over['min']:.3g} to {over['max']:.3g})"
    )
    for risk_class, row in result["comparison"].items():
        explained = "; ".join(f"{count} {reason}" for reason, count in row["explained"].items())
        print(
            f"        {risk_class:26} claimed {row['claimed']:5}, found {row['found_by_ours']:5}, "
            f"missed {len(row['missed'])}, only ours {row['only_ours']:5}"
            + (f"; not true: {explained}" if explained else "")
        )


def _document(results: dict[int, dict[str, Any]], function: dict[str, Any]) -> dict[str, Any]:
    sizes = sorted(results)
    small, large = results[sizes[-2]], results[sizes[-1]]
    # Start-up counts the same for every size: what is left shows how the cost grows.
    growth = (large["ours"]["seconds"]["median"] - results[sizes[0]]["ours"]["seconds"]["median"]) / (
        small["ours"]["seconds"]["median"] - results[sizes[0]]["ours"]["seconds"]["median"]
    )
    return {
        "peer": f"cloudsplaining {cloudsplaining.VERSION}",
        "over_cloudsplaining": {str(size): results[size]["over_cloudsplaining"] for size in sizes},
        "growth_from_500_to_5000_roles": float(f"{growth:.3g}"),
        "function": function,
        "sizes": [results[size] for size in sizes],
        "machine": describe_machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
