"""The commands about accounts and API keys, run as an operator runs them."""

import pytest

from service import setup
from service.auth.accounts import AccountError, SignInError, principal_of_key, sign_in
from tests.conftest import PASSWORD
from tests.service.people import SAMPLE_COMMUNE, add_key, add_officer
from tests.service.shell import Shell


def test_an_account_for_units_that_do_not_exist_is_refused(shell: Shell) -> None:
    words = ("user", "add", "lac", "--role", "commune_officer", "--password-stdin", "--scope", SAMPLE_COMMUNE)
    answer = shell.call(*words, "--scope", "98765", "--scope", "x", given=f"{PASSWORD}\n")
    assert isinstance(answer.exception, AccountError)
    assert "98765, x" in answer.exception.vi
    assert shell.value("SELECT count(*) FROM ops.account WHERE username = 'lac'") == 0


@pytest.mark.parametrize(
    ("role", "scope", "needed"),
    [
        ("commune_officer", (), "mã xã (5 chữ số)"),
        ("commune_officer", ("37",), "không nhận mã tỉnh"),
        ("commune_officer", (SAMPLE_COMMUNE, "37"), "không nhận mã tỉnh"),
        ("provincial_officer", (), "mã tỉnh (2 chữ số)"),
    ],
)
def test_an_officer_gets_units_of_its_level_and_one_at_least(
    shell: Shell, role: str, scope: tuple[str, ...], needed: str
) -> None:
    words = ("user", "add", "cap", "--role", role, "--password-stdin", *(f"--scope={code}" for code in scope))
    answer = shell.call(*words, given=f"{PASSWORD}\n")
    assert isinstance(answer.exception, AccountError)
    assert needed in answer.exception.vi
    assert shell.value("SELECT count(*) FROM ops.account WHERE username = 'cap'") == 0


@pytest.mark.parametrize(("role", "scope"), [("provincial_officer", ("37", SAMPLE_COMMUNE)), ("administrator", ())])
def test_a_provincial_officer_takes_both_kinds_of_units_and_an_administrator_none(
    shell: Shell, role: str, scope: tuple[str, ...]
) -> None:
    words = ("user", "add", f"ten-{role}", "--role", role, "--password-stdin", *(f"--scope={code}" for code in scope))
    assert shell.call(*words, given=f"{PASSWORD}\n").exit_code == 0


def test_an_account_is_made_with_a_password_that_only_stdin_sees(shell: Shell) -> None:
    words = ("user", "add", "moi", "--role", "commune_officer", "--scope", SAMPLE_COMMUNE, "--password-stdin")
    answer = shell.call(*words, given=f"{PASSWORD}\n")
    assert answer.exit_code == 0, answer.stderr
    assert PASSWORD not in answer.stdout + answer.stderr
    assert shell.value("SELECT role FROM ops.account WHERE username = 'moi'") == "commune_officer"
    assert shell.value("SELECT count(*) FROM ops.audit WHERE action = 'account.add' AND target = 'moi'") == 1
    again = shell.call(*words, given=f"{PASSWORD}\n")
    assert isinstance(again.exception, AccountError)


def open_sessions(shell: Shell, officer: str) -> int:
    query = "SELECT count(*) FROM ops.sign_in s JOIN ops.account a ON a.id = s.account_id WHERE username = :name"
    return int(shell.value(query, name=officer))


def test_a_disabled_account_is_shut_out_with_its_sessions_and_keys(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    key = shell.call("key", "add", officer, "--name", "máy đo").stdout.strip()
    with setup.owner(shell.settings) as connection:
        sign_in(connection, officer, PASSWORD, 1)
    assert shell.call("user", "disable", officer).exit_code == 0
    assert open_sessions(shell, officer) == 0
    with setup.owner(shell.settings) as connection:
        assert principal_of_key(connection, key) is None
        with pytest.raises(SignInError):
            sign_in(connection, officer, PASSWORD, 1)
    assert shell.call("user", "enable", officer).exit_code == 0
    with setup.owner(shell.settings) as connection:
        assert principal_of_key(connection, key) is not None
        assert sign_in(connection, officer, PASSWORD, 1)
    noted = "SELECT count(*) FROM ops.audit WHERE action IN ('account.disable', 'account.enable') AND target = :name"
    assert shell.value(noted, name=officer) == 2


def test_a_new_password_ends_the_old_one_and_every_session_and_keeps_the_keys(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    key = shell.call("key", "add", officer, "--name", "máy đo").stdout.strip()
    with setup.owner(shell.settings) as connection:
        sign_in(connection, officer, PASSWORD, 1)
    assert shell.call("user", "password", officer, "--password-stdin", given=f"{PASSWORD} 2\n").exit_code == 0
    assert open_sessions(shell, officer) == 0
    with setup.owner(shell.settings) as connection:
        assert principal_of_key(connection, key) is not None
        assert sign_in(connection, officer, f"{PASSWORD} 2", 1)
        with pytest.raises(SignInError):
            sign_in(connection, officer, PASSWORD, 1)


def test_accounts_are_listed_with_role_and_scope(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    lines = [line.split("\t") for line in shell.call("user", "list").stdout.splitlines()]
    (line,) = [cells for cells in lines if cells[0] == officer]
    assert (line[2], line[3], line[4]) == ("commune_officer", SAMPLE_COMMUNE, "False")


@pytest.mark.parametrize("password", ["ngắn", "x" * 1025])
def test_a_password_that_could_never_be_used_is_refused(shell: Shell, password: str) -> None:
    officer = add_officer(shell.settings)
    answer = shell.call("user", "password", officer, "--password-stdin", given=f"{password}\n")
    assert isinstance(answer.exception, AccountError)


def test_sessions_that_are_over_are_removed_with_the_next_sign_in(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    for hours in (-1, 1):
        with setup.owner(shell.settings) as connection:
            sign_in(connection, officer, PASSWORD, hours)
    assert open_sessions(shell, officer) == 1


def test_a_revoked_key_opens_nothing(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    key = shell.call("key", "add", officer, "--name", "máy đo").stdout.strip()
    with setup.owner(shell.settings) as connection:
        assert principal_of_key(connection, key) is not None
    assert shell.call("key", "revoke", key.partition(".")[0]).exit_code == 0
    with setup.owner(shell.settings) as connection:
        assert principal_of_key(connection, key) is None
    assert key.partition(".")[0] in shell.call("key", "list").stdout


@pytest.mark.parametrize(
    "words", [("user", "disable", "ma"), ("user", "password", "ma", "--password-stdin"), ("key", "revoke", "ma")]
)
def test_what_is_not_there_is_not_changed(shell: Shell, words: tuple[str, ...]) -> None:
    assert isinstance(shell.call(*words, given=f"{PASSWORD}\n").exception, AccountError)


def test_a_key_is_printed_once_and_works(shell: Shell) -> None:
    officer = add_officer(shell.settings)
    answer = shell.call("key", "add", officer, "--name", "máy đo", "--days", "2")
    assert answer.exit_code == 0, answer.stderr
    prefix, _, secret = answer.stdout.strip().partition(".")
    assert shell.value("SELECT count(*) FROM ops.api_key WHERE prefix = :prefix", prefix=prefix) == 1
    assert (
        shell.value("SELECT count(*) FROM ops.api_key k WHERE k::text LIKE '%' || :secret || '%'", secret=secret) == 0
    )
    assert add_key(shell.settings, officer)["authorization"] != f"Bearer {answer.stdout.strip()}"


@pytest.mark.parametrize(("words", "scopes"), [((), "upload"), (("--scopes", "upload edit"), "upload edit")])
def test_a_key_is_made_for_what_it_shall_do(shell: Shell, words: tuple[str, ...], scopes: str) -> None:
    answer = shell.call("key", "add", add_officer(shell.settings), "--name", "QGIS", *words)
    prefix = answer.stdout.strip().partition(".")[0]
    assert shell.value("SELECT scopes FROM ops.api_key WHERE prefix = :prefix", prefix=prefix) == scopes
