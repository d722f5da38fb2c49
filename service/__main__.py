"""``python -m service`` is the command ``bandoso``."""

import gc


def main() -> None:
    """Run the command, with Python looking for cycles of dead objects less often than it would by itself.

    Loading the program and reading a file make millions of objects, hardly any in cycles: looking for them took a sixth
    of an import's time, and a quarter of a second at the end of every command, when all is given back anyway.
    """
    gc.set_threshold(50_000, 20, 20)
    from service.cli import main as run  # noqa: PLC0415 - loaded after the line above

    try:
        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
