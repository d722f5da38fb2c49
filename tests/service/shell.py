"""The command ``bandoso`` on a database of its own, for the tests of its parts."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from typer.testing import CliRunner, Result

from service import setup
from service.cli import app
from service.settings import ServiceSettings
from tests.conftest import environment_of
from tests.warm_process import run_warm


@dataclass(frozen=True)
class Shell:
    """A shell on a database of its own."""

    settings: ServiceSettings

    def run(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own."""
        settings = {"PATH": os.environ["PATH"], "COLUMNS": "200", **environment_of(self.settings), **environment}
        return run_warm(["service", *map(str, words)], settings)

    def call(self, *words: str | Path, given: str = "", **environment: str) -> Result:
        """Run a command in this process, which saves it the start."""
        settings = {**environment_of(self.settings), **environment}
        return CliRunner().invoke(app, list(map(str, words)), input=given, env=settings)

    def value(self, statement: str, **values: Any) -> Any:
        """Return one value that the owner reads."""
        with setup.owner(self.settings) as connection:
            return connection.scalar(text(statement), values)
