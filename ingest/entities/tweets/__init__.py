"""The tweet entity: one landed row per sighting of a post."""
