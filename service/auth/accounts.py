"""Accounts, sign-in and API keys in the database."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from geodata.accounts import ApiKey, Audit, SignIn, User, UserScope
from geodata.errors import GeodataError
from service.auth.passwords import MAX_BYTES, MIN_LENGTH, fingerprint, hash_password, new_token, verify_password
from service.auth.principal import KEY_SCOPES, Principal, Role

FAILURES_ALLOWED, FAILURE_WINDOW = 5, timedelta(minutes=15)
MAX_KEY_AGE = timedelta(days=365)
PROVINCE_CODE_LENGTH = 2


class SignInError(GeodataError):
    """The name or the password is wrong; which of them is not said."""

    code = "SIGN_IN"
    vi_template = "Tên đăng nhập hoặc mật khẩu không đúng."
    en_template = "The user name or the password is wrong."


class TooManyAttemptsError(GeodataError):
    """Too many failed sign-ins for this name."""

    code = "SIGN_IN_LIMIT"
    vi_template = "Đăng nhập sai quá nhiều lần. Hãy thử lại sau 15 phút."
    en_template = "Too many failed sign-ins. Try again in 15 minutes."


class AccountError(GeodataError):
    """An account or key cannot be made or changed as asked."""

    code = "ACCOUNT"
    vi_template = "Không thực hiện được: {why_vi}"
    en_template = "This cannot be done: {why_en}"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made; scope is a list of commune (5 digits) and province (2 digits) codes."""

    username: str
    display_name: str
    role: Role
    password: str
    scope: Sequence[str] = ()


def add_account(connection: Connection, account: NewAccount) -> UUID:
    """Make an account.

    Raises
    ------
    AccountError
        When the name is taken or the password too short.
    """
    _require_length(account.password)
    taken = connection.scalar(select(User.id).where(func.lower(User.username) == account.username.lower()))
    if taken is not None:
        raise AccountError(why_vi="tên đăng nhập đã có.", why_en="the user name is taken.")
    account_id: UUID = connection.execute(
        insert(User)
        .values(
            username=account.username, display_name=account.display_name, role=account.role,
            password_hash=hash_password(account.password),
        )
        .returning(User.id)
    ).scalar_one()  # fmt: skip
    for unit in account.scope:
        connection.execute(insert(UserScope).values(account_id=account_id, unit_code=unit))
    return account_id


def _require_length(password: str) -> None:
    if len(password) < MIN_LENGTH or len(password.encode("utf-8", "replace")) > MAX_BYTES:
        raise AccountError(
            why_vi=f"mật khẩu cần ít nhất {MIN_LENGTH} ký tự, nhiều nhất {MAX_BYTES} byte.",
            why_en=f"a password needs {MIN_LENGTH} characters at least and {MAX_BYTES} bytes at most.",
        )


def require_units(connection: Connection, role: Role, scope: Sequence[str]) -> None:
    """Make sure that a scope names current communes and provinces only, and such as the role may have.

    Raises
    ------
    AccountError
        Naming the codes that no current unit has, or what an officer of this role is for.
    """
    current = text(
        "SELECT code FROM open.communes WHERE valid_to IS NULL UNION SELECT code FROM open.provinces WHERE valid_to IS NULL"
    )
    unknown = ", ".join(sorted(set(scope) - set(connection.scalars(current))))
    if unknown:
        raise AccountError(
            why_vi=f"không có xã hay tỉnh hiện hành với mã {unknown}. Hãy dùng mã xã 5 chữ số hoặc mã tỉnh 2 chữ số.",
            why_en=f"there is no current commune or province {unknown}. Use commune (5 digits) or province (2 digits) codes.",
        )
    if role == "commune_officer" and not (scope and all(len(code) > PROVINCE_CODE_LENGTH for code in scope)):
        raise AccountError(
            why_vi="cán bộ xã cần ít nhất một mã xã (5 chữ số) và không nhận mã tỉnh.",
            why_en="a commune officer needs one commune code (5 digits) at least and takes no province code.",
        )
    if role == "provincial_officer" and not scope:
        raise AccountError(
            why_vi="cán bộ tỉnh cần ít nhất một mã tỉnh (2 chữ số) hoặc mã xã (5 chữ số).",
            why_en="a provincial officer needs one province (2 digits) or commune (5 digits) code at least.",
        )


def list_accounts(connection: Connection) -> Sequence[Sequence[Any]]:
    """Return name, display name, role, scope (blank-separated) and whether it is disabled, of every account."""
    codes = func.string_agg(UserScope.unit_code, aggregate_order_by(literal(" "), UserScope.unit_code))
    scope = select(codes)
    scope = scope.where(UserScope.account_id == User.id).correlate(User)
    columns = (User.username, User.display_name, User.role, scope.scalar_subquery().label("scope"), User.is_disabled)
    return connection.execute(select(*columns).order_by(func.lower(User.username))).all()


def set_password(connection: Connection, username: str, password: str) -> None:
    """Give an account another password and close its sessions; its keys stay.

    Parameters
    ----------
    password : str
        12 characters at least.

    Raises
    ------
    AccountError
        When there is no such account or the password is too short.
    """
    _require_length(password)
    account_id = _account_id(connection, username)
    connection.execute(update(User).where(User.id == account_id).values(password_hash=hash_password(password)))
    connection.execute(delete(SignIn).where(SignIn.account_id == account_id))


def set_disabled(connection: Connection, username: str, *, is_disabled: bool) -> None:
    """Shut an account out, with its sessions and keys, or let it in again.

    Raises
    ------
    AccountError
        When there is no such account.
    """
    account_id = _account_id(connection, username)
    connection.execute(update(User).where(User.id == account_id).values(is_disabled=is_disabled))
    if is_disabled:
        connection.execute(delete(SignIn).where(SignIn.account_id == account_id))


def _account_id(connection: Connection, username: str) -> UUID:
    found: UUID | None = connection.scalar(select(User.id).where(func.lower(User.username) == username.lower()))
    if found is None:
        raise AccountError(why_vi="không có tài khoản này.", why_en="there is no such account.")
    return found


def sign_in(connection: Connection, username: str, password: str, hours: int) -> tuple[str, str]:
    """Check a password and open a session.

    Sessions that are over are removed on the way. Attempts for one name wait for each other until the caller's transaction ends: it notes the outcome there, and
    the next attempt counts it.

    Returns
    -------
    token, csrf : str
        The cookie's value, stored nowhere, and what unsafe requests must carry.

    Raises
    ------
    TooManyAttemptsError, SignInError
    """
    name_lock = func.pg_advisory_xact_lock(func.hashtext("bandoso sign-in"), func.hashtext(username.lower()))
    connection.execute(select(name_lock))
    since = datetime.now(UTC) - FAILURE_WINDOW
    failures = connection.scalar(
        select(func.count()).where(
            Audit.action == "session.open",
            Audit.outcome == "refused",
            Audit.target == username.lower(),
            Audit.at > since,
        )
    )
    if (failures or 0) >= FAILURES_ALLOWED:
        raise TooManyAttemptsError
    found = connection.execute(
        select(User.id, User.password_hash, User.is_disabled).where(func.lower(User.username) == username.lower())
    ).one_or_none()
    is_right = verify_password(found.password_hash if found else None, password)
    if not is_right or found is None or found.is_disabled:
        raise SignInError
    token, csrf = new_token(), new_token()
    connection.execute(delete(SignIn).where(SignIn.expires_at < datetime.now(UTC)))
    connection.execute(
        insert(SignIn).values(
            token_sha256=fingerprint(token), account_id=found.id, csrf=csrf,
            expires_at=datetime.now(UTC) + timedelta(hours=hours),
        )
    )  # fmt: skip
    return token, csrf


def sign_out(connection: Connection, token: str) -> None:
    """Close a session."""
    connection.execute(delete(SignIn).where(SignIn.token_sha256 == fingerprint(token)))


def principal_of_session(connection: Connection, token: str, idle_minutes: int) -> Principal | None:
    """Return who is behind a cookie; None when the session is over, idle too long, or the account disabled."""
    now = datetime.now(UTC)
    row = connection.execute(
        select(User.id, User.username, User.display_name, User.role, SignIn.csrf, SignIn.last_seen_at)
        .join(SignIn, SignIn.account_id == User.id)
        .where(
            SignIn.token_sha256 == fingerprint(token), SignIn.expires_at > now,
            SignIn.last_seen_at > now - timedelta(minutes=idle_minutes), User.is_disabled.is_(False),
        )
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    if now - row.last_seen_at > timedelta(minutes=1):
        connection.execute(update(SignIn).where(SignIn.token_sha256 == fingerprint(token)).values(last_seen_at=now))
    return _principal(connection, row, csrf=row.csrf, scopes=KEY_SCOPES)


def add_key(connection: Connection, username: str, name: str, scopes: str, days: int) -> str:
    """Make an API key and return it; it cannot be read again.

    Raises
    ------
    AccountError
        When there is no such account.
    """
    account_id = _account_id(connection, username)
    prefix, secret = secrets.token_hex(4), new_token()
    expires = datetime.now(UTC) + min(timedelta(days=days), MAX_KEY_AGE)
    connection.execute(
        insert(ApiKey).values(
            prefix=prefix, secret_sha256=fingerprint(secret), account_id=account_id, name=name, scopes=scopes,
            expires_at=expires,
        )
    )  # fmt: skip
    return f"{prefix}.{secret}"


def list_keys(connection: Connection) -> Sequence[Sequence[Any]]:
    """Return prefix, account, name, scopes, expiry, last use and time of revocation of every key."""
    columns = (ApiKey.name, ApiKey.scopes, ApiKey.expires_at, ApiKey.last_used_at, ApiKey.revoked_at)
    statement = select(ApiKey.prefix, User.username, *columns).join(User, User.id == ApiKey.account_id)
    return connection.execute(statement.order_by(User.username, ApiKey.created_at)).all()


def revoke_key(connection: Connection, prefix: str) -> None:
    """Revoke a key by the part before its dot; one that is revoked stays so.

    Raises
    ------
    AccountError
        When there is no such key.
    """
    revoked = func.coalesce(ApiKey.revoked_at, func.now())
    if connection.execute(update(ApiKey).where(ApiKey.prefix == prefix).values(revoked_at=revoked)).rowcount != 1:
        raise AccountError(why_vi="không có khóa này.", why_en="there is no such key.")


def principal_of_key(connection: Connection, key: str) -> Principal | None:
    """Return who is behind an API key; None when it is unknown, revoked, expired, or the account disabled."""
    prefix, _, secret = key.partition(".")
    now = datetime.now(UTC)
    row = connection.execute(
        select(User.id, User.username, User.display_name, User.role, ApiKey.secret_sha256, ApiKey.scopes)
        .join(ApiKey, ApiKey.account_id == User.id)
        .where(
            ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None), ApiKey.expires_at > now, User.is_disabled.is_(False)
        )
    ).one_or_none()
    if row is None or not secrets.compare_digest(row.secret_sha256, fingerprint(secret)):
        return None
    connection.execute(update(ApiKey).where(ApiKey.prefix == prefix).values(last_used_at=now))
    return _principal(connection, row, csrf=None, scopes=frozenset(row.scopes.split()))


def _principal(connection: Connection, row: Any, *, csrf: str | None, scopes: frozenset[str]) -> Principal:
    communes = None if row.role == "administrator" else _communes(connection, row.id)
    return Principal(row.username, row.display_name, row.role, communes, csrf, scopes)


def _communes(connection: Connection, account_id: UUID) -> tuple[str, ...]:
    """Return the communes of an account; a province stands for all of its communes."""
    rows = connection.scalars(
        text(
            "SELECT s.unit_code FROM ops.account_scope s WHERE s.account_id = :id AND length(s.unit_code) > 2 "
            "UNION SELECT c.code FROM ops.account_scope s JOIN open.communes c ON c.province_code = s.unit_code "
            "WHERE s.account_id = :id AND c.valid_to IS NULL ORDER BY 1"
        ),
        {"id": account_id},
    )
    return tuple(rows)
