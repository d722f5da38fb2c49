"""Secrets and signatures of messages as Standard Webhooks 1.0 writes them: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from uuid import UUID

PREFIX = "whsec_"


def secret_of(signing_key: bytes, hook: UUID, generation: int) -> str:
    """Return a secret as receivers take it: it follows from the installation's own, so that none need be stored."""
    made = hmac.new(signing_key, f"webhook/{hook}/{generation}".encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(made).decode()


def sign(secrets: Sequence[str], delivery: str, sent_at: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message.

    Parameters
    ----------
    secrets : sequence of str
        Those that hold; of two, while one takes the other's place, either verifies.
    delivery : str
        The same at each attempt; without a full stop.
    sent_at : int
        Seconds since 1970, of this attempt.
    """
    signed = f"{delivery}.{sent_at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets]
    digests = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    signatures = " ".join(f"v1,{digest}" for digest in digests)
    return {"webhook-id": delivery, "webhook-timestamp": str(sent_at), "webhook-signature": signatures}
