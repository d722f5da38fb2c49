"""Property tests run without a deadline: the machine may be busy."""

from hypothesis import settings

settings.register_profile("bandoso", deadline=None, max_examples=60, database=None)
settings.load_profile("bandoso")
