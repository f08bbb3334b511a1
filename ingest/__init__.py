"""Collect records of an entity from a source and land them, whole, in the data root."""
