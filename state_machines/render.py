"""`python -m state_machines.render` writes what derives from the workflow: ASL and the picture in docs/."""

import json
from pathlib import Path

from state_machines.picture import mermaid
from state_machines.training_pipeline import training_pipeline

ASL_FILE = Path(__file__).with_name("training_pipeline.asl.json")
PICTURE = Path(__file__).parents[1] / "docs" / "state-machine.md"
_BEGIN, _END = "```mermaid\n", "```\n"


def rendered() -> str:
    """The state machine's definition as the text of ASL_FILE."""
    return json.dumps(training_pipeline(), indent=2) + "\n"


def picture_in(page: str) -> str:
    """The page with its one Mermaid block drawn anew."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{mermaid(training_pipeline())}{_END}{after}"


if __name__ == "__main__":
    ASL_FILE.write_text(rendered())
    PICTURE.write_text(picture_in(PICTURE.read_text()))
    print(f"wrote {ASL_FILE.name} and the picture in {PICTURE.name}")
