"""`python -m state_machines.render` writes what derives from the workflow: the ASL and the pictures of it."""

import json
from pathlib import Path

from state_machines.diagrams import graphs, overview, step_map
from state_machines.photo_scoring import photo_scoring
from state_machines.training_pipeline import training_pipeline

ASL_FILE = Path(__file__).with_name("training_pipeline.asl.json")
SCORING_ASL_FILE = Path(__file__).with_name("photo_scoring.asl.json")
STEPS_FILE = Path(__file__).with_name("training_pipeline.steps.json")
README = Path(__file__).parents[1] / "README.md"
DOCS = Path(__file__).parents[1] / "docs" / "state-machine.md"
_BEGIN, _END = "<!-- state machine: begin -->\n", "<!-- state machine: end -->\n"


def rendered() -> str:
    """The training pipeline's definition as the text of ASL_FILE."""
    return json.dumps(training_pipeline(), indent=2) + "\n"


def scoring_rendered() -> str:
    """The definition of the batch scoring as the text of SCORING_ASL_FILE."""
    return json.dumps(photo_scoring(), indent=2) + "\n"


def rendered_steps() -> str:
    """The text of STEPS_FILE: which states are which step."""
    return json.dumps(step_map(training_pipeline()), indent=1) + "\n"


def readme_with_picture(readme: str) -> str:
    """The README with the stages drawn anew."""
    return _between_marks(readme, f"```mermaid\n{overview(training_pipeline())}```\n")


def docs_with_graphs(page: str) -> str:
    """The page of the state machine with every state drawn anew."""
    return _between_marks(page, graphs(training_pipeline()))


def _between_marks(page: str, drawn: str) -> str:
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{drawn}{_END}{after}"


if __name__ == "__main__":
    ASL_FILE.write_text(rendered())
    SCORING_ASL_FILE.write_text(scoring_rendered())
    STEPS_FILE.write_text(rendered_steps())
    README.write_text(readme_with_picture(README.read_text()))
    DOCS.write_text(docs_with_graphs(DOCS.read_text()))
    written = ", ".join(file.name for file in (ASL_FILE, SCORING_ASL_FILE, STEPS_FILE))
    print(f"wrote {written} and the pictures in {README.name} and {DOCS.name}")
