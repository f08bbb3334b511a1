"""The purge entity: one landed row per post or author whose posts are removed and kept out."""
