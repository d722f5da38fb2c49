"""Signing in and out: what the cookie is, what a stranger learns, and what the audit keeps."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import extract_parameters
from sqlalchemy import RowMapping, text
from starlette.testclient import TestClient

from geodata.registers import discover
from service import setup
from service.app import Application, create_app
from service.auth import accounts
from service.auth.policy import COOKIE
from service.settings import ServiceSettings
from tests.conftest import PASSWORD, Server, settings_for
from tests.service.people import SAMPLE_COMMUNE, add_key, add_officer, sign_in

WRONG = "không phải mật khẩu này"
FAILURES_ALLOWED, WINDOW_S = 5, 15 * 60


@dataclass(frozen=True)
class Door:
    """The service on a database without data, and a way to see its rows."""

    app: Application
    settings: ServiceSettings

    def client(self, **options: Any) -> TestClient:
        """Return a client that carries no cookie yet."""
        return TestClient(self.app, **options)

    def knock(self, username: str, password: str = WRONG, **options: Any) -> Any:
        """Try to sign in."""
        return self.client(**options).post("/auth/login", json={"username": username, "password": password})

    def rows(self, statement: str, **values: Any) -> list[RowMapping]:
        """Run a statement as the owner."""
        with setup.owner(self.settings) as connection:
            result = connection.execute(text(statement), values)
            return list(result.mappings()) if result.returns_rows else []

    def audit(self, username: str) -> list[tuple[str, str]]:
        """Return what the audit says of an account, oldest first."""
        found = self.rows(
            "SELECT action, outcome FROM ops.audit WHERE target = :name OR actor = :name ORDER BY id", name=username
        )
        return [(row["action"], row["outcome"]) for row in found]


@pytest.fixture(scope="module")
def door(server: Server, worker_name: str) -> Iterator[Door]:
    """The application on a database of its own."""
    name = f"door_{worker_name}"
    settings = settings_for(server.create(name, "template_migrated"))
    app = create_app(settings)
    with TestClient(app):
        yield Door(app, settings)
    server.drop(name)


@pytest.fixture
def officer(door: Door) -> str:
    """The user name of a new account."""
    return add_officer(door.settings)


def test_passwords_are_kept_as_argon2id_with_64_mib(door: Door, officer: str) -> None:
    # Of officers that tests make, hashes are weak.
    with setup.owner(door.settings) as connection:
        accounts.set_password(connection, officer, PASSWORD)
    (row,) = door.rows("SELECT password_hash FROM ops.account WHERE username = :name", name=officer)
    kept = extract_parameters(row["password_hash"])
    assert (kept.type.name, kept.memory_cost, kept.time_cost, kept.parallelism) == ("ID", 65_536, 2, 1)
    assert PASSWORD not in row["password_hash"]


def test_two_accounts_with_one_password_have_different_hashes(door: Door) -> None:
    names = [add_officer(door.settings) for _ in range(2)]
    rows = door.rows("SELECT DISTINCT password_hash FROM ops.account WHERE username = ANY(:names)", names=names)
    assert len(rows) == 2


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_cannot_use(door: Door, officer: str) -> None:
    answer = door.knock(officer, PASSWORD)
    assert (answer.status_code, answer.content) == (204, b"")
    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= parts
    assert "secure" not in parts
    assert answer.headers["cache-control"] == "no-store"


def test_the_cookie_is_secure_where_the_connection_is(door: Door, officer: str) -> None:
    answer = door.knock(officer, PASSWORD, base_url="https://testserver")
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_the_cookie_is_secure_where_a_proxy_ends_the_encryption(door: Door, officer: str) -> None:
    settings = door.settings.model_copy(update={"public_url": "https://ban-do.example"})
    with TestClient(create_app(settings)) as client:
        answer = client.post("/auth/login", json={"username": officer, "password": PASSWORD})
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_neither_cookie_nor_token_stands_in_the_database(door: Door, officer: str) -> None:
    token = door.knock(officer, PASSWORD).cookies[COOKIE]
    assert not [row for row in door.rows("SELECT s::text AS line FROM ops.sign_in s") if token in row["line"]]


def test_the_account_sees_its_communes_and_the_token_for_unsafe_requests(door: Door, officer: str) -> None:
    client = sign_in(door.app, officer)
    me = client.get("/auth/me").json()
    assert (me["username"], me["role"], me["all_communes"]) == (officer, "commune_officer", False)
    assert me["csrf"] == client.headers["x-csrf-token"]
    assert set(me) == {"username", "display_name", "role", "communes", "all_communes", "registers", "csrf"}


@pytest.mark.parametrize(
    "address", ["/auth/me?x=1", "/auth/me?lang=xx", "/uploads?x=1", "/uploads?limit=1_0", "/uploads?limit=000000001000"]
)
def test_an_officer_too_asks_with_known_and_plain_parameters_only(door: Door, officer: str, address: str) -> None:
    assert sign_in(door.app, officer).get(address).status_code == 400


@pytest.mark.parametrize("change", [str.upper, str.title])
def test_the_case_of_a_user_name_does_not_matter(door: Door, officer: str, change: Any) -> None:
    assert door.knock(change(officer), PASSWORD).status_code == 204


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(door: Door, officer: str) -> None:
    wrong, unknown = door.knock(officer), door.knock("nobody-of-this-name")
    assert wrong.status_code == unknown.status_code == 401
    bodies = [{**answer.json(), "instance": ""} for answer in (wrong, unknown)]
    assert bodies[0] == bodies[1]
    assert "set-cookie" not in wrong.headers


def test_the_sixth_failure_closes_the_name_for_the_right_password_too(door: Door, officer: str) -> None:
    statuses = [door.knock(officer).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = door.knock(officer, PASSWORD)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


def test_failures_of_one_name_do_not_close_another(door: Door, officer: str) -> None:
    for _ in range(6):
        door.knock("somebody-else")
    assert door.knock(officer, PASSWORD).status_code == 204


def test_guesses_made_at_once_are_counted_one_by_one(door: Door, officer: str) -> None:
    guesses = 10
    with ThreadPoolExecutor(guesses) as pool:
        statuses = list(pool.map(lambda _: door.knock(officer).status_code, range(guesses)))
    assert sorted(statuses) == [401] * FAILURES_ALLOWED + [429] * (guesses - FAILURES_ALLOWED)


def test_who_comes_back_too_early_does_not_wait_longer(door: Door, officer: str) -> None:
    failures_ended_s = 2
    door.rows(
        "INSERT INTO ops.audit (at, actor, action, target, outcome) "
        "SELECT now() - :ago, 'public', 'session.open', :name, 'refused' FROM generate_series(1, :count)",
        name=officer, count=FAILURES_ALLOWED, ago=timedelta(seconds=WINDOW_S - failures_ended_s),
    )  # fmt: skip
    assert {door.knock(officer, PASSWORD).status_code for _ in range(FAILURES_ALLOWED + 1)} == {429}
    time.sleep(failures_ended_s)
    assert door.knock(officer, PASSWORD).status_code == 204
    assert door.audit(officer).count(("session.limit", "refused")) == FAILURES_ALLOWED + 1


@pytest.mark.parametrize("character", ["\\u0000", "\\n", "\\ud800"])
def test_a_name_that_the_database_could_not_hold_is_refused(door: Door, character: str) -> None:
    body = f'{{"username": "a{character}", "password": "{WRONG}"}}'.encode()
    answer = door.client().post("/auth/login", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "a"},
        {"username": "", "password": "b"},
        {"username": "a", "password": "zz" * 513},
        {"username": "a", "password": "b", "role": "administrator"},
        {"username": ["a"], "password": "b"},
        [],
        "secret-word",
    ],
)
def test_a_malformed_sign_in_is_refused_and_not_repeated(door: Door, body: Any) -> None:
    answer = door.client().post("/auth/login", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "secret-word" not in answer.text
    assert "zzz" not in answer.text


def test_a_form_of_another_site_cannot_sign_anybody_in(door: Door, officer: str) -> None:
    """A form can send text or form fields, never JSON."""
    body = f'{{"username": "{officer}", "password": "{PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = door.client().post("/auth/login", content=body.encode(), headers={"content-type": kind})
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers


def test_signing_out_ends_the_session(door: Door, officer: str) -> None:
    client = sign_in(door.app, officer)
    token = client.cookies[COOKIE]
    answer = client.post("/auth/logout")
    assert answer.status_code == 204
    assert 'bandoso_session=""' in answer.headers["set-cookie"]
    assert door.client(cookies={COOKIE: token}).get("/auth/me").status_code == 401


def test_signing_out_takes_the_csrf_token(door: Door, officer: str) -> None:
    client = sign_in(door.app, officer)
    answer = client.post("/auth/logout", headers={"x-csrf-token": "wrong"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:bandoso:problem:csrf")
    assert client.get("/auth/me").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_takes_no_csrf_token(door: Door, officer: str, method: str) -> None:
    client = sign_in(door.app, officer)
    del client.headers["x-csrf-token"]
    assert client.request(method, "/auth/me").status_code == 200


@pytest.mark.parametrize("kind", ["none", "empty", "of another session"])
def test_only_the_csrf_token_of_the_session_itself_is_taken(door: Door, officer: str, kind: str) -> None:
    client, other = sign_in(door.app, officer), sign_in(door.app, officer)
    del client.headers["x-csrf-token"]
    sent = {"empty": "", "of another session": other.headers["x-csrf-token"]}
    headers = {"x-csrf-token": sent[kind]} if kind in sent else {}
    assert client.post("/auth/logout", headers=headers).status_code == 403
    assert client.get("/auth/me").status_code == 200


def test_one_session_ends_without_the_other(door: Door, officer: str) -> None:
    desk, phone = sign_in(door.app, officer), sign_in(door.app, officer)
    assert desk.headers["x-csrf-token"] != phone.headers["x-csrf-token"]
    desk.post("/auth/logout")
    assert phone.get("/auth/me").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ops.sign_in SET expires_at = now() - interval '1 second' WHERE account_id = :id",
        "UPDATE ops.sign_in SET last_seen_at = now() - interval '31 minutes' WHERE account_id = :id",
        "UPDATE ops.account SET is_disabled = true WHERE id = :id",
        "DELETE FROM ops.account WHERE id = :id",
    ],
    ids=["expired", "idle", "disabled", "removed"],
)
def test_a_session_ends_by_itself(door: Door, officer: str, change: str) -> None:
    client = sign_in(door.app, officer)
    (row,) = door.rows("SELECT id FROM ops.account WHERE username = :name", name=officer)
    door.rows(change, id=row["id"])
    assert client.get("/auth/me").status_code == 401


def test_a_session_in_use_does_not_fall_idle(door: Door, officer: str) -> None:
    client = sign_in(door.app, officer)
    (row,) = door.rows("SELECT id FROM ops.account WHERE username = :name", name=officer)
    back = "UPDATE ops.sign_in SET last_seen_at = :moment WHERE account_id = :id"
    door.rows(back, id=row["id"], moment=datetime.now(UTC) - timedelta(minutes=29))
    assert client.get("/auth/me").status_code == 200
    (seen,) = door.rows("SELECT now() - last_seen_at AS ago FROM ops.sign_in WHERE account_id = :id", id=row["id"])
    assert seen["ago"] < timedelta(minutes=1)


def test_a_disabled_account_cannot_sign_in(door: Door, officer: str) -> None:
    door.rows("UPDATE ops.account SET is_disabled = true WHERE username = :name", name=officer)
    assert door.knock(officer, PASSWORD).status_code == 401


@pytest.mark.parametrize("token", ["x", "", "a" * 5000])
def test_a_made_up_cookie_is_nobody(door: Door, token: str) -> None:
    assert door.client(cookies={COOKIE: token}).get("/auth/me").status_code == 401


def test_a_key_names_its_account_and_carries_no_csrf_token(door: Door, officer: str) -> None:
    me = door.client().get("/auth/me", headers=add_key(door.settings, officer)).json()
    assert (me["username"], me["csrf"]) == (officer, None)


def test_the_audit_tells_of_every_way_in_and_out(door: Door, officer: str) -> None:
    door.knock(officer)
    sign_in(door.app, officer).post("/auth/logout")
    assert door.audit(officer) == [("session.open", "refused"), ("session.open", "ok"), ("session.close", "ok")]


def test_a_row_of_the_audit_leads_to_its_request(door: Door, officer: str) -> None:
    answers = [door.knock(officer), door.knock(officer, PASSWORD)]
    rows = door.rows("SELECT request_id FROM ops.audit WHERE target = :name ORDER BY id", name=officer)
    assert [row["request_id"] for row in rows] == [answer.headers["x-request-id"] for answer in answers]


def test_the_audit_holds_no_password_and_cannot_be_rewritten(door: Door, officer: str) -> None:
    door.knock(officer)
    lines = [row["line"] for row in door.rows("SELECT a::text AS line FROM ops.audit a")]
    assert not [line for line in lines if WRONG in line or PASSWORD in line]
    with pytest.raises(Exception, match="append-only"):
        door.rows("DELETE FROM ops.audit")


def test_a_province_stands_for_all_of_its_communes(door: Door) -> None:
    username = add_officer(door.settings, "37", role="provincial_officer")
    me = sign_in(door.app, username).get("/auth/me").json()
    assert len(me["communes"]) > 50
    expected = door.rows("SELECT code FROM open.communes WHERE province_code = '37' AND valid_to IS NULL")
    assert {commune["code"] for commune in me["communes"]} == {row["code"] for row in expected}


def test_an_administrator_has_no_list_of_communes(door: Door) -> None:
    username = add_officer(door.settings, role="administrator")
    me = sign_in(door.app, username).get("/auth/me").json()
    assert (me["communes"], me["all_communes"]) == ([], True)
    assert me["registers"] == list(discover())


@pytest.mark.parametrize("scope", [SAMPLE_COMMUNE, "37"])
def test_an_officer_of_communes_is_not_offered_the_lists_of_units(door: Door, scope: str) -> None:
    me = sign_in(door.app, add_officer(door.settings, scope)).get("/auth/me").json()
    assert set(discover()) - set(me["registers"]) == {"communes", "provinces"}


def test_a_key_that_may_not_upload_is_offered_nothing(door: Door, officer: str) -> None:
    headers = add_key(door.settings, officer, scopes="read")
    assert door.client().get("/auth/me", headers=headers).json()["registers"] == []


def test_a_short_password_is_refused(door: Door) -> None:
    account = accounts.NewAccount("moi", "Mới", "commune_officer", "ngắn quá", (SAMPLE_COMMUNE,))
    with setup.owner(door.settings) as connection, pytest.raises(accounts.AccountError, match="12 characters"):
        accounts.add_account(connection, account)


def test_a_name_that_differs_by_case_alone_is_taken(door: Door, officer: str) -> None:
    account = accounts.NewAccount(officer.upper(), "Mới", "commune_officer", PASSWORD, (SAMPLE_COMMUNE,))
    with setup.owner(door.settings) as connection, pytest.raises(accounts.AccountError, match="taken"):
        accounts.add_account(connection, account)


def test_a_key_lasts_a_year_at_most(door: Door, officer: str) -> None:
    add_key(door.settings, officer, days=10_000)
    (row,) = door.rows(
        "SELECT expires_at - now() AS left FROM ops.api_key k JOIN ops.account a ON a.id = k.account_id WHERE username = :name",
        name=officer,
    )
    assert row["left"] < timedelta(days=366)
