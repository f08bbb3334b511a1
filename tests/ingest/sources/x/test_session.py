"""The session: where it is taken from, when it is refused, and that it shows nowhere."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from config import ConfigError, Settings
from ingest.runs import SourceError
from ingest.sources.x.session import Session, session

TOKEN, CT0 = "canary-token-0123456789", "canary-ct0-9876543210"


def with_file(tmp_path: Path, text: str, mode: int = 0o600, **more: object) -> Settings:
    path = tmp_path / "cookies"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return Settings.model_validate({"data": tmp_path / "data", "x_cookies_file": path, **more})


def test_from_the_settings(tmp_path: Path) -> None:
    given = Settings.model_validate({"data": tmp_path, "x_auth_token": TOKEN, "x_ct0": CT0})
    assert session(given) == Session(TOKEN, CT0)


@pytest.mark.parametrize(
    "text",
    [
        f"auth_token={TOKEN}\nct0={CT0}\n",
        f"# mine\n\nct0 = {CT0}\nauth_token='{TOKEN}'",
        f'export auth_token="{TOKEN}"\r\nct0={CT0}\r\n',
    ],
)
def test_from_a_file(tmp_path: Path, text: str) -> None:
    assert session(with_file(tmp_path, text)) == Session(TOKEN, CT0)


def test_a_dollar_in_a_cookie_is_a_dollar(tmp_path: Path) -> None:
    assert session(with_file(tmp_path, "auth_token=a${HOME}b\nct0=c$d")) == Session("a${HOME}b", "c$d")


def test_the_settings_win_over_the_file(tmp_path: Path) -> None:
    given = with_file(tmp_path, "auth_token=other\nct0=other", x_auth_token=TOKEN, x_ct0=CT0)
    assert session(given) == Session(TOKEN, CT0)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    given = with_file(tmp_path, f"auth_token={TOKEN}\nct0={CT0}", mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 600") as refused:
        session(given)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "auth_token and no ct0"),
        (f"auth_token={TOKEN}", "ct0"),
        (f"ct0={CT0}\nauth_token=", "auth_token"),
        (f"{TOKEN}\n{CT0}", "auth_token and no ct0"),
    ],
)
def test_half_a_session_is_none(
    tmp_path: Path, text: str, lacks: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError, match=rf"own session, and there is no {lacks}.*chmod 600") as refused:
        session(with_file(tmp_path, text))
    shown = "".join(traceback.format_exception(refused.value)) + caplog.text
    assert "canary" not in shown


def test_halves_of_two_sessions_are_not_mixed(tmp_path: Path) -> None:
    given = with_file(tmp_path, "auth_token=other\nct0=other", x_auth_token=TOKEN)
    with pytest.raises(SourceError, match="and there is no ct0"):
        session(given)


def test_no_session_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="developer tools"):
        session(Settings(data=tmp_path))


def test_it_shows_nowhere() -> None:
    own = Session(TOKEN, CT0)
    for shown in (repr(own), str(own), f"{own}", repr({"held": [own]}), own.account):
        assert "canary" not in shown


def test_an_account_is_named_by_its_token_alone() -> None:
    named = Session(TOKEN, CT0).account
    assert named == Session(TOKEN, "renewed").account
    assert named != Session(TOKEN + "x", CT0).account
    assert len(named) == 12
