"""The dbt project's Python side: functions that its SQL calls, publishing, quality reports."""
