"""Published file → pictures. Nothing here reads anything but the published DuckDB file."""
