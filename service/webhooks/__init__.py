"""News of revisions for other services: signed messages to addresses that an administrator allowed."""
