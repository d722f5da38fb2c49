"""The cases of one part, run in alternating rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from service.app import tile_settings
from tests.benchmarks.data import Tiles, libpq
from tests.benchmarks.load import MOST_CONNECTIONS, Run, Target, run_pgbench, run_wrk, write_paths, write_pgbench_script
from tests.benchmarks.meter import postmaster
from tests.benchmarks.places import VAR
from tests.benchmarks.servers import Serving
from tests.conftest import Server, settings_for
from tiles.sql import tile_sql

Case = Callable[[float, int], Run]

_PGBENCH_CLIENTS = 4
_FIRST_ROUND_S = 2.0
_STEP = 271
"""How many paths further each round begins."""


@dataclass
class Measured:
    """What became of a part.

    Attributes
    ----------
    runs : mapping of str to list of Run
        Of each case, one a round.
    statements : mapping of str to str
        The product's, by layers and zoom.
    facts : list of str
        What was found out about the data, a sentence each.
    """

    runs: dict[str, list[Run]] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """Cases by name, and how they are run."""

    server: Server
    measured: Measured = field(default_factory=Measured)
    cases: dict[str, tuple[Case, float]] = field(default_factory=dict)

    def ask(
        self, name: str, serving: Serving, paths: Sequence[str], *, connections: int = MOST_CONNECTIONS,
        encodings: str = "", share: float = 1.0,
    ) -> None:  # fmt: skip
        """Add a case that asks a server for paths.

        Parameters
        ----------
        encodings : str
            The header Accept-Encoding; none where empty.
        share : float
            Part of a round's time that the case is worth.
        """
        file = write_paths(VAR / f"{_file_name(name)}.paths", paths)
        target = Target(serving.address, file, serving.pids, connections, encodings)
        database = postmaster(self.server.cluster)
        self.cases[name] = (lambda seconds, first: run_wrk(target, seconds, first=first, database=database)), share

    def state(self, name: str, url: str, layers: tuple[str, ...], tiles: Tiles) -> None:
        """Add a case that runs the product's own statement under its own role and settings, and nothing else."""
        statement = self.measured.statements[f"{','.join(layers)} z{tiles.z}"] = tile_sql(layers, tiles.z)
        script = write_pgbench_script(VAR / f"{_file_name(name)}.pgbench", statement, tiles.addresses)
        options = tile_settings(settings_for(url)).server_settings
        environment = {
            **libpq(url),
            "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in options.items() if " " not in value),
        }
        database, clients = postmaster(self.server.cluster), min(_PGBENCH_CLIENTS, connections_for(tiles))

        def run(seconds: float, _first: int) -> Run:
            return run_pgbench(script, environment, seconds, database=database, clients=clients)

        self.cases[name] = run, 1.0

    def run(self, rounds: int, seconds: float) -> Measured:
        """Run every case once a round, the order turned by one each time, after a round that does not count."""
        for case, _ in self.cases.values():
            case(min(seconds, _FIRST_ROUND_S), 0)
        names = list(self.cases)
        for number in range(rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                case, share = self.cases[name]
                self.measured.runs.setdefault(name, []).append(case(seconds * share, number * _STEP))
        return self.measured


def connections_for(*lists: Tiles) -> int:
    """Return how many connections may ask for tiles without two asking for the same one at once.

    The product merges requests for a tile that is being made. Where tiles are few that would be measured instead of
    the making: so there are no more connections than a quarter of the tiles, and a tile would have to take as long as three
    quarters of the others to be asked for again meanwhile.
    """
    return max(1, min(MOST_CONNECTIONS, *(len(tiles.addresses) // 4 for tiles in lists)))


def _file_name(name: str) -> str:
    return name.replace(" ", "-")
