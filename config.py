"""Every setting, in one typed place: the only module that reads the environment.

A setting `data` is the variable `MARKET_INTEL_DATA`, taken from the environment, else from `.env` at the
repository root, else its default. `python -m config` prints what is in force as shell lines, so that
`eval "$(python -m config)"` gives another program, dbt for one, the same settings.
"""

from __future__ import annotations

import os
import shlex
import zoneinfo
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
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

    An empty value counts as unset. Raises ConfigError for a value that cannot be used and for an unknown
    name with the prefix, which is most often a misspelling.
    """
    given: dict[str, tuple[str, str]] = {}
    from_file = dotenv_values(env_file, interpolate=False)
    for values, where in ((from_file, str(env_file)), (environ, "the environment")):
        given |= {name: (value, where) for name, value in values.items() if value and name.startswith(PREFIX)}
    try:
        return Settings.model_validate({name: value for name, (value, _) in given.items()})
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            value, where = given[name]
            if problem["type"] == "extra_forbidden":
                lines.append(f"{name} (from {where}) is not a setting. .env.example lists those that are.")
            else:
                reason = problem["msg"].removeprefix("Value error, ")
                lines.append(
                    f"{name}={value!r} (from {where}): {reason}. Correct it, or unset it for the default."
                )
        raise ConfigError("\n".join(lines)) from None


@cache
def settings() -> Settings:
    """The settings in force, read once per process."""
    return read(os.environ, ROOT / ".env")


def main() -> None:
    """Print the settings in force as shell lines; one that is unset is left out."""
    try:
        values = settings().model_dump(by_alias=True, exclude_none=True)
    except ConfigError as error:
        raise SystemExit(str(error)) from None
    for name, value in values.items():
        print(f"export {name}={shlex.quote(str(value))}")


if __name__ == "__main__":
    main()
