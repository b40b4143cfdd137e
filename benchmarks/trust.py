"""What dropserve says of data and answers, measured on real photos.

Results in benchmarks/results/trust.json. `python -m benchmarks.trust PART ...` runs some of the parts: the
results keep what the others gave before. It fails where a part does not hold its claims.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.support.machine import describe_machine
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.trust.parts import PARTS


def main() -> int:
    """Run the parts that are asked for; print and write the results of each as it ends."""
    options = _options()
    held = True
    for name in options.parts or PARTS:
        found = {"machine": describe_machine("torch", "openvino", "pillow"), **PARTS[name]()}
        print(json.dumps({name: found}, indent=1))
        held &= found["held"]
        if not options.quick:
            write_results(options.output, {**_earlier(options.output), name: found})
    return 0 if held else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="no results written")
    parser.add_argument("--output", type=Path, default=RESULTS / "trust.json")
    options = parser.parse_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


def _earlier(file: Path) -> dict[str, object]:
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


if __name__ == "__main__":
    sys.exit(main())
