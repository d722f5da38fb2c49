"""``python -m service`` is the command ``bandoso``."""

from service.cli import main

main()
