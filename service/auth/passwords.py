"""Passwords and secrets: argon2id for what people choose, SHA-256 for what we made at random."""

import hashlib
import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH, MAX_BYTES = 12, 1024

_HASHER = PasswordHasher(time_cost=2, memory_cost=65_536, parallelism=1)
# 64 MiB and a tenth of a second each: a flood of logins must not take the machine from the tiles.
_TURNS = threading.BoundedSemaphore(2)


@cache
def _hash_of_nobody() -> str:
    """Return what a password is compared with where there is no account; made late, it takes a tenth of a second."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """Hash a password with argon2id (t=2, m=64 MiB, p=1)."""
    with _TURNS:
        return _HASHER.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether a password is right; takes as long for an account that does not exist (``stored`` None)."""
    if len(password.encode("utf-8", "replace")) > MAX_BYTES:
        return False
    with _TURNS:
        nobody = _hash_of_nobody()
        try:
            return _HASHER.verify(stored or nobody, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def new_token() -> str:
    """Return a new random token of 256 bits."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """Return what is stored of a random token: its SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
