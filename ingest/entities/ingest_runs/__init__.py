"""The ingest run entity: one landed row per finished run and entity."""
