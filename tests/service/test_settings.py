"""Settings: what a production service must be told before it starts."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from geodata.errors import SettingsError
from service.app import create_app
from service.settings import ServiceSettings

COMPLETE = {
    "BANDOSO_ENV": "production",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "BANDOSO_SECRET": "x" * 40,
    "BANDOSO_PUBLICATION_POLICY": "aggregate",
    "BANDOSO_ALLOWED_HOSTS": "ban-do.example",
    "BANDOSO_LICENCE": "CC BY 4.0",
}
CHOSEN = ("BANDOSO_SECRET", "BANDOSO_PUBLICATION_POLICY", "BANDOSO_ALLOWED_HOSTS", "BANDOSO_LICENCE")


@pytest.fixture(autouse=True)
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set everything that a production service needs."""
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


def test_a_complete_production_service_starts() -> None:
    ServiceSettings().require_complete()
    create_app()


@pytest.mark.parametrize("name", CHOSEN)
def test_production_does_not_start_without_a_choice_and_names_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as refusal:
        create_app()
    assert name in refusal.value.vi
    assert name in refusal.value.en
    assert not [other for other in CHOSEN if other != name and other in refusal.value.en]


def test_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as refusal:
        create_app()
    assert all(name in refusal.value.en for name in CHOSEN)


@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_short_secret_is_refused_everywhere(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv("BANDOSO_ENV", environment)
    monkeypatch.setenv("BANDOSO_SECRET", "short")
    with pytest.raises(SettingsError, match="at least 32 characters") as refusal:
        create_app()
    assert "short" not in str(refusal.value)


@pytest.mark.parametrize("name", CHOSEN)
def test_development_starts_without_any_choice(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("BANDOSO_ENV", "development")
    monkeypatch.delenv(name)
    ServiceSettings().require_complete()


@pytest.mark.parametrize(
    ("environment", "chosen", "effective"),
    [
        ("development", None, "code_point"),
        ("production", None, "aggregate"),
        ("development", "lookup", "lookup"),
        ("production", "code_point", "code_point"),
    ],
)
def test_before_a_choice_production_shows_counts_alone(
    monkeypatch: pytest.MonkeyPatch, environment: str, chosen: str | None, effective: str
) -> None:
    monkeypatch.setenv("BANDOSO_ENV", environment)
    monkeypatch.delenv("BANDOSO_PUBLICATION_POLICY")
    if chosen:
        monkeypatch.setenv("BANDOSO_PUBLICATION_POLICY", chosen)
    assert ServiceSettings().effective_policy == effective


@pytest.mark.parametrize(
    ("name", "value"),
    [("BANDOSO_ENV", "staging"), ("BANDOSO_PUBLICATION_POLICY", "everything"), ("BANDOSO_UPLOAD_MAX_MB", "many")],
)
def test_a_value_out_of_the_list_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        ServiceSettings()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_of_writing_the_database_address_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://a:b@host/name")
    assert ServiceSettings().sqlalchemy_url == "postgresql+psycopg://a:b@host/name"


def test_without_a_database_the_service_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        create_app()


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:hidden-password@host/name")
    printed = f"{ServiceSettings()!r} {ServiceSettings()}"
    assert "hidden-password" not in printed
    assert COMPLETE["BANDOSO_SECRET"] not in printed


def test_a_secret_made_by_the_service_is_kept_for_itself_alone(tmp_path: Path) -> None:
    keys = [ServiceSettings(secret=SecretStr(""), var_dir=tmp_path / "var").signing_key for _ in range(2)]
    assert keys[0] == keys[1]
    assert len(keys[0]) >= 32
    assert (tmp_path / "var" / "secret").stat().st_mode & 0o777 == 0o600
