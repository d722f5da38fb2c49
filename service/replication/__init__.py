"""A copy of an installation's public data elsewhere, kept up to date over HTTP alone."""
