"""The project's shape, read off dbt's manifest: layers, names, documentation, schemas, Spark."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from config import ROOT, Settings
from ingest import entities
from tests.warehouse.conftest import command, made_once
from warehouse.functions import registered
from warehouse.schema_docs import LANDED_COLUMNS, blocks

# A layer reads itself and the layers before it.
LAYERS = ["seeds", "raw", "processed", "validated", "signals", "marts"]
# What was published before a bar changed hangs on the bar: it is read by nothing.
OF_MARTS = "signals_bar_revisions"
# Seeds are read where they give raw records their meaning, and by the marts' arithmetic.
MODELS = sorted((ROOT / "warehouse" / "models").rglob("*.sql"))

# Functions of Spark SQL that sqlglot keeps by name. The warehouse's own are registered as UDFs.
SPARK_FUNCTIONS = {"array_compact", "timestamp_seconds", "to_utc_timestamp", "weekday", "xxhash64"}
# What sqlglot would read and Spark would not run.
DUCKDB_ONLY = re.compile(
    r"\b(arg_max|arg_min|epoch|exclude|isodow|lambda|list_\w+|quantile_cont|qualify|regexp_matches|strftime"
    r"|string_agg|time_bucket|timezone|timestamptz|unnest)\b|::"
)


@pytest.fixture(scope="session")
def spark(common: Path) -> Path:
    """Folder of the project compiled for Spark, and its manifest. Nothing connects to a cluster."""
    root = Settings(data=common / "spark")
    with made_once(root.data) as is_first:
        if is_first:
            # dbt-spark asks whether pyspark can be imported, and compiling never uses it.
            (root.data / "pyspark").mkdir()
            (root.data / "pyspark" / "__init__.py").touch()
            program = (
                f"import sys; sys.path.insert(0, {str(root.data)!r}); from dbt.cli.main import cli; cli()"
            )
            words = ["compile", "--target", "spark", "--no-introspect", "--no-populate-cache"]
            done = command(root, sys.executable, "-c", program, *words)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return root.build / "target"


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def layer(manifest: dict[str, Any], node: str) -> int:
    return LAYERS.index(manifest["nodes"][node]["config"]["schema"])


def test_layers_read_upwards_only(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        own = LAYERS.index("marts") if node["name"] == OF_MARTS else layer(manifest, node["unique_id"])
        for parent in node["depends_on"]["nodes"]:
            assert layer(manifest, parent) <= own, f"{node['name']} reads {parent}"
            assert not parent.endswith(f".{OF_MARTS}"), f"{node['name']} reads {parent}"


def test_an_entitys_models_read_their_own_entity_only(manifest: dict[str, Any]) -> None:
    """Only marts join entities; the calendar, purges and texts belong to all."""
    common = {"calendar", "purges", "texts"}
    for node in models(manifest):
        _, schema, entity, _ = Path(node["original_file_path"]).parts[-4:]
        if schema == "marts" or entity in common:
            continue
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("model."):
                parent_entity = Path(manifest["nodes"][parent]["original_file_path"]).parts[-2]
                assert parent_entity in {entity, *common}, f"{node['name']} reads {parent}"


def test_a_models_path_is_its_table(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        *_, schema, _, file = Path(node["original_file_path"]).parts
        assert node["config"]["schema"] == schema
        assert file == f"{schema}_{node['alias']}.sql"


def test_every_model_says_its_grain_and_describes_every_column(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        assert node["description"].startswith("One row"), node["name"]
        assert (ROOT / node["original_file_path"]).read_text().startswith("-- One row"), node["name"]
        assert node["columns"], node["name"]
        for column in node["columns"].values():
            assert column["description"].strip(), f"{node['name']}.{column['name']} has no description"


def test_validated_tables_and_marts_have_enforced_contracts(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        if node["config"]["schema"] in ("validated", "marts"):
            assert node["config"]["contract"]["enforced"], node["name"]


@pytest.mark.parametrize("entity", entities.names())
def test_raw_tables_hold_exactly_the_landed_columns(manifest: dict[str, Any], entity: str) -> None:
    node = manifest["nodes"][f"model.market_intel.raw_{entity}"]
    assert set(node["columns"]) == set(entities.schema(entity).names)


def test_landed_columns_are_described_as_in_their_schemas() -> None:
    assert LANDED_COLUMNS.read_text(encoding="utf-8") == blocks(), "run python -m warehouse.schema_docs"


def test_every_row_rule_has_a_victim_in_the_unit_tests() -> None:
    macro = (ROOT / "warehouse" / "macros" / "row_rules.sql").read_text()
    tested = "".join(
        path.read_text() for path in (ROOT / "warehouse" / "models" / "processed").rglob("*.yml")
    )
    rules = [
        line.split("'")[1] for line in macro.splitlines() if line.startswith("        '") and "':" in line
    ]
    assert rules
    for rule in rules:
        assert f"[{rule}]" in tested, f"no unit test breaks the row rule {rule}"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_compiled_model_is_spark_sql(spark: Path, path: Path) -> None:
    compiled = spark / "compiled" / "market_intel" / path.relative_to(ROOT)
    sql = re.sub("--.*", "", compiled.read_text())
    assert not DUCKDB_ONLY.search(sql), DUCKDB_ONLY.search(sql)
    tree = sqlglot.parse_one(sql, dialect="spark")
    own = {function.name for function in registered(Settings())}
    for call in tree.find_all(exp.Anonymous):
        assert call.name.lower() in SPARK_FUNCTIONS | own, f"{call.name} is no function of Spark"


def test_the_duckdb_profile_is_the_default(manifest: dict[str, Any]) -> None:
    assert manifest["metadata"]["adapter_type"] == "duckdb"
