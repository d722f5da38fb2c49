"""The headers with which clients say what they take."""


def accepted(header: str) -> frozenset[str]:
    """Return what an ``Accept-…`` header takes, in lower case; what it gives the weight 0 is left out.

    Examples
    --------
    >>> sorted(accepted("gzip, br;q=0.5, zstd; q=0"))
    ['br', 'gzip']
    """
    return frozenset(name for name, weight in weights(header).items() if weight > 0)


def weights(header: str) -> dict[str, float]:
    """Return how well an ``Accept-…`` header likes what it names, in lower case: from 0 (not at all) to 1.

    Examples
    --------
    >>> weights("gzip, br;q=0.5, *; q=0")
    {'gzip': 1.0, 'br': 0.5, '*': 0.0}
    """
    return {name: weight for name, weight in map(_weighted, header.split(",")) if name}


def _weighted(part: str) -> tuple[str, float]:
    name, _, parameter = part.strip().lower().partition(";")
    key, _, value = parameter.strip().partition("=")
    if key != "q":
        return name.strip(), 1.0
    try:
        return name.strip(), float(value)
    except ValueError:
        return name.strip(), 0.0
