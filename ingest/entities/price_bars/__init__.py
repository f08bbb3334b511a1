"""The price bar entity: one landed row per sighting of an OHLC bar."""
