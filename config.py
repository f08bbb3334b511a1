"""Every setting, in one typed place: the only module that reads the environment.

A setting `data` is the variable `MARKET_INTEL_DATA`, taken from the environment, else from `.env` at the
repository root, else its default. `python -m config` prints what is in force as shell lines, so that
`eval "$(python -m config)"` gives another program, dbt for one, the same settings.
"""

from __future__ import annotations

import os
import shlex
import stat
import zoneinfo
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

ROOT = Path(__file__).resolve().parent
PREFIX = "MARKET_INTEL_"


class ConfigError(ValueError):
    """A setting has a value that cannot be used; the message says which, from where, and what to do."""


class Settings(BaseModel):
    """The settings, and the data root's layout."""

    model_config = ConfigDict(
        alias_generator=lambda name: PREFIX + name.upper(),
        extra="forbid",
        frozen=True,
        validate_by_name=True,
        validate_default=True,
    )

    data: Path = Field(
        Path("data"),
        description="Data root: every file hangs off it. A relative path starts at the repo root.",
    )
    source: str | None = Field(
        None,
        description="Source of `make ingest` where none is named; unset, `demo` on an empty or demo root.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        "INFO", description="Least severe log line shown: DEBUG, INFO, WARNING or ERROR."
    )
    batch_rows: PositiveInt = Field(50_000, description="Most rows in one landed Parquet file.")
    threads: PositiveInt = Field(2, description="Threads of a warehouse build.")
    naive_timezone: str = Field("UTC", description="IANA time zone of timestamps that state none.")

    x_terms: str = Field(
        "#nifty50 OR #sensex OR #intraday OR #banknifty",
        description="What to search X for. A semicolon parts groups, each searched by itself.",
    )
    x_hours: PositiveFloat = Field(24.0, description="How far back a search goes; the API holds 168 hours.")
    x_target_posts: PositiveInt = Field(2_000, description="Posts a run hopes for; it says if it fell short.")
    x_session_slice_minutes: PositiveInt = Field(
        30, description="Length of a search's time slice in the cash session, Monday to Friday 09:00-15:30."
    )
    x_overnight_slice_minutes: PositiveInt = Field(
        120, description="Length of a search's time slice at other hours."
    )
    x_full_slice_posts: PositiveInt = Field(
        280, description="Posts after which a search is asked anew from there: X stalls one near 300."
    )
    x_settle_seconds: NonNegativeFloat = Field(
        30.0, description="Age at which a post can be found: a search ends this long before now."
    )
    x_reserve_requests: NonNegativeInt = Field(
        10, description="Requests of X's quota that are left unused in each window."
    )
    x_requests_per_day: PositiveInt = Field(500, description="Most requests an account makes in 24 hours.")
    x_auth_token: SecretStr | None = Field(
        None, description="Cookie auth_token of your own session on X. Never logged, landed or shown."
    )
    x_ct0: SecretStr | None = Field(None, description="Cookie ct0 of the same session.")
    x_cookies_file: Path | None = Field(
        None,
        description="Instead of the two: a file of yours (mode 600) with lines auth_token=... and ct0=...",
    )
    x_bearer_token: SecretStr | None = Field(
        None, description="Bearer token of the official API, for the source x_api."
    )
    x_api_post_usd: NonNegativeFloat = Field(
        0.005, description="What the official API charges for a post that is read, in USD, for estimates."
    )
    x_api_user_usd: NonNegativeFloat = Field(
        0.01, description="What it charges for a user; each post comes with its author."
    )
    x_browsers: PositiveInt = Field(3, description="Browsers at once; they share the account's quota.")
    x_delay_seconds_min: NonNegativeFloat = Field(
        1.5, description="Shortest pause of a browser between two requests."
    )
    x_delay_seconds_max: NonNegativeFloat = Field(
        4.0, description="Longest such pause; each is drawn between the two."
    )
    x_answer_seconds: PositiveFloat = Field(30.0, description="How long to wait for an answer of X.")
    x_headless: bool = Field(True, description="Whether the browsers have no window.")
    x_chrome: Path | None = Field(None, description="Chrome or Chromium; unset, the one on the PATH.")
    x_chromedriver: Path | None = Field(
        None, description="Its driver; unset, the one on the PATH, else Selenium finds one."
    )
    x_user_agents: str | None = Field(
        None,
        description="User agents to pose as, parted by |. Your own decision: see README, Data and the law.",
    )
    x_hide_webdriver: bool = Field(
        False, description="Whether to hide navigator.webdriver. Your own decision, likewise."
    )

    @model_validator(mode="after")
    def _delays_in_order(self) -> Self:
        if self.x_delay_seconds_max < self.x_delay_seconds_min:
            raise ValueError(f"{PREFIX}X_DELAY_SECONDS_MAX is below {PREFIX}X_DELAY_SECONDS_MIN")
        return self

    @field_validator("x_cookies_file", "x_chrome", "x_chromedriver")
    @classmethod
    def _file(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        path = (ROOT / path.expanduser()).absolute()
        if not path.is_file():
            raise ValueError("is not a file")
        return path

    @field_validator("data")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        try:
            absolute = (ROOT / path.expanduser()).resolve()
            is_usable = absolute.is_dir() or not absolute.exists()
        except (OSError, RuntimeError) as error:  # a name too long, an unknown ~user, a circle of links
            raise ValueError(str(error)) from error
        if not is_usable:
            raise ValueError("is a file, not a folder")
        if set(str(absolute)) & set("*?[]"):
            raise ValueError("holds one of * ? [ ], which DuckDB would read as a pattern")
        return absolute

    @field_validator("naive_timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return zoneinfo.ZoneInfo(name).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("is not a time zone; Asia/Kolkata or UTC are") from error

    @property
    def raw(self) -> Path:
        """Landed records, append-only; all else can be rebuilt from them."""
        return self.data / "raw"

    @property
    def payloads(self) -> Path:
        """Original records, compressed, referenced by hash."""
        return self.data / "payloads"

    @property
    def quarantine(self) -> Path:
        """What could not be landed or read, with the reason."""
        return self.data / "quarantine"

    @property
    def ingest_db(self) -> Path:
        """SQLite file of live run state."""
        return self.data / "ingest.sqlite"

    @property
    def models(self) -> Path:
        """Fitted models."""
        return self.data / "models"

    @property
    def build(self) -> Path:
        """The warehouse writer's private files; safe to delete."""
        return self.data / "build"

    @property
    def build_db(self) -> Path:
        """DuckDB file that a build writes; readers use `published_db`."""
        return self.build / "warehouse.duckdb"

    @property
    def published_db(self) -> Path:
        """DuckDB file that readers use, replaced whole by a build whose gates passed."""
        return self.data / "market_intel.duckdb"

    @property
    def charts(self) -> Path:
        """Pictures."""
        return self.data / "charts"

    @property
    def reports(self) -> Path:
        """Quality reports."""
        return self.data / "reports"

    @property
    def logs(self) -> Path:
        """Rotating log files."""
        return self.data / "logs"


def read(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Settings from an environment and an `.env` file, which may be absent; the environment wins.

    An empty value counts as unset. Raises ConfigError for a value that cannot be used, for an unknown
    name with the prefix, which is most often a misspelling, and for secrets in a file that others can read.
    """
    given: dict[str, tuple[str, str]] = {}
    from_file = dotenv_values(env_file, interpolate=False)
    if any(from_file.get(name) for name in SECRETS):
        refuse_if_shared(env_file)
    for values, where in ((from_file, str(env_file)), (environ, "the environment")):
        given |= {name: (value, where) for name, value in values.items() if value and name.startswith(PREFIX)}
    try:
        return Settings.model_validate({name: value for name, (value, _) in given.items()})
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            if not problem["loc"]:  # of settings together
                lines.append(problem["msg"].removeprefix("Value error, "))
                continue
            name = str(problem["loc"][0])
            value, where = given[name]
            if name in SECRETS:
                value = "(hidden)"
            if problem["type"] == "extra_forbidden":
                lines.append(f"{name} (from {where}) is not a setting. .env.example lists those that are.")
            else:
                reason = problem["msg"].removeprefix("Value error, ")
                lines.append(
                    f"{name}={value!r} (from {where}): {reason}. Correct it, or unset it for the default."
                )
        raise ConfigError("\n".join(lines)) from None


# Variables whose values are never shown.
SECRETS = frozenset(
    str(field.alias) for field in Settings.model_fields.values() if SecretStr in get_args(field.annotation)
)


_SECRET_FIELDS = {name for name, field in Settings.model_fields.items() if field.alias in SECRETS}


def refuse_if_shared(path: Path) -> None:
    """Raises ConfigError where a file of secrets can be read by other users than its owner."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path} holds secrets and has mode {mode:04o}: others can read it. Run: chmod 600 {path}"
        )


def environment_of_a_child() -> dict[str, str]:
    """The environment for a program that has no business with our settings, secrets above all."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


@cache
def settings() -> Settings:
    """The settings in force, read once per process."""
    return read(os.environ, ROOT / ".env")


def main() -> None:
    """Print the settings in force as shell lines; one that is unset is left out, and so are secrets."""
    try:
        values = settings().model_dump(by_alias=True, exclude_none=True, exclude=_SECRET_FIELDS)
    except ConfigError as error:
        raise SystemExit(str(error)) from None
    for name, value in values.items():
        print(f"export {name}={shlex.quote(str(value))}")


if __name__ == "__main__":
    main()
