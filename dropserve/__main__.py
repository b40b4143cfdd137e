"""The entry of the `dropserve` command, and of `python -m dropserve`."""

from dropserve.source_tree import use_tree


def main() -> None:
    use_tree()
    from deploy_scripts.cli import main as run_command  # noqa: PLC0415 - only now can it be found

    run_command()


if __name__ == "__main__":
    main()
