from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config import ConfigError, Settings, read

NO_FILE = Path("/nonexistent/.env")


def example() -> str:
    """What .env.example has to say, from the fields themselves."""
    lines = ["# Copy to .env and uncomment what should differ. The environment wins over .env."]
    for field in Settings.model_fields.values():
        default = "" if field.default is None else shlex.quote(str(field.default))
        lines += ["", f"# {field.description}", f"# {field.alias}={default}"]
    return "\n".join(lines) + "\n"


def test_env_example_lists_every_setting_with_its_default() -> None:
    assert (config.ROOT / ".env.example").read_text(encoding="utf-8") == example()


def test_defaults_put_the_data_root_in_the_repository() -> None:
    settings = read({}, NO_FILE)
    assert settings.data == config.ROOT / "data"
    assert settings.published_db == config.ROOT / "data" / "market_intel.duckdb"
    assert settings.source is None


def test_every_path_hangs_off_the_data_root(tmp_path: Path) -> None:
    settings = read({"MARKET_INTEL_DATA": str(tmp_path)}, NO_FILE)
    derived = [name for name, member in vars(Settings).items() if isinstance(member, property)]
    paths = [getattr(settings, name) for name in derived if not name.startswith("model_")]
    assert len(paths) == len(set(paths)) == 11
    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_a_relative_root_starts_at_the_repository_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({"MARKET_INTEL_DATA": "other"}, NO_FILE).data == config.ROOT / "other"


def test_the_environment_wins_over_the_file_and_empty_means_unset(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        'MARKET_INTEL_SOURCE="a${HOME}" # why\nMARKET_INTEL_THREADS=4\nOTHER=1\n', encoding="utf-8"
    )
    settings = read({"MARKET_INTEL_THREADS": "3", "MARKET_INTEL_SOURCE": "", "HOME": "/root"}, env_file)
    assert (settings.source, settings.threads) == ("a${HOME}", 3)


def test_log_level_is_read_in_any_case() -> None:
    assert read({"MARKET_INTEL_LOG_LEVEL": "debug"}, NO_FILE).log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_ROWS", "0"),
        ("THREADS", "two"),
        ("LOG_LEVEL", "loud"),
        ("NAIVE_TIMEZONE", "Asia/Nowhere"),
        ("NAIVE_TIMEZONE", "../UTC"),
        ("DATA", __file__),
    ],
)
def test_a_bad_value_is_named_with_where_it_stands_and_what_to_do(
    name: str, value: str, tmp_path: Path
) -> None:
    variable = config.PREFIX + name
    with pytest.raises(ConfigError) as from_environment:
        read({variable: value}, NO_FILE)
    assert f"{variable}={value!r} (from the environment): " in str(from_environment.value)

    env_file = tmp_path / ".env"
    env_file.write_text(f"{variable}={value}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as from_file:
        read({}, env_file)
    message = str(from_file.value)
    assert f"{variable}={value!r} (from {env_file}): " in message
    assert "unset it for the default" in message
    assert "pydantic" not in message


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read({"MARKET_INTEL_THREADS": "x", "MARKET_INTEL_BATCH_ROWS": "x"}, NO_FILE)
    assert len(str(caught.value).splitlines()) == 2


def test_a_misspelt_setting_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"MARKET_INTEL_DTA .*is not a setting"):
        read({"MARKET_INTEL_DTA": "elsewhere"}, NO_FILE)


NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.one_of(NAME, NAME.map("~{}".format), NAME.map(lambda name: name * 300)))
def test_any_text_is_a_data_root_or_a_clear_error(text: str) -> None:
    told = ""
    try:
        is_absolute = read({"MARKET_INTEL_DATA": text}, NO_FILE).data.is_absolute()
    except ConfigError as error:
        is_absolute, told = False, str(error)
    assert is_absolute or f"MARKET_INTEL_DATA={text!r} (from the environment): " in told


def test_a_shell_takes_over_the_settings(tmp_path: Path) -> None:
    root = tmp_path / 'it\'s a "root" of $HOME `x` \\ #1'
    shell = (
        'set -e; lines=$("$0" -m config); MARKET_INTEL_DATA=; eval "$lines"; printf %s "$MARKET_INTEL_DATA"'
    )
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        cwd=config.ROOT,
        env=os.environ | {"MARKET_INTEL_DATA": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == str(root)


def test_the_command_fails_with_one_line_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "config"],
        cwd=config.ROOT,
        env=os.environ | {"MARKET_INTEL_THREADS": "two"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("MARKET_INTEL_THREADS='two' (from the environment): ")
    assert len(done.stderr.splitlines()) == 1


def test_an_uncommented_example_gives_the_defaults(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    lines = [line.removeprefix("# ") if "=" in line else line for line in example().splitlines()]
    env_file.write_text("\n".join(line for line in lines if line.startswith(config.PREFIX)), encoding="utf-8")
    assert read({}, env_file) == read({}, NO_FILE)


SECRET = "s3cr3t-canary"


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    environ = dict.fromkeys(sorted(config.SECRETS), SECRET)
    assert len(environ) == 3
    assert SECRET not in repr(read(environ, NO_FILE))
    printed = subprocess.run(
        [sys.executable, "-m", "config"], cwd=config.ROOT, env={**os.environ, **environ},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert SECRET not in printed.stdout + printed.stderr
    assert "MARKET_INTEL_DATA" in printed.stdout


def test_a_file_of_secrets_must_be_the_users_own(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"MARKET_INTEL_X_CT0={SECRET}\n", encoding="utf-8")
    env_file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read({}, env_file)
    env_file.chmod(0o600)
    found = read({}, env_file).x_ct0
    assert found is not None
    assert found.get_secret_value() == SECRET
    env_file.write_text("MARKET_INTEL_THREADS=3\n", encoding="utf-8")
    env_file.chmod(0o644)
    assert read({}, env_file).threads == 3


def test_delays_out_of_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="X_DELAY_SECONDS_MAX is below"):
        read({"MARKET_INTEL_X_DELAY_SECONDS_MIN": "9"}, NO_FILE)
