"""Text to signals: pure functions from Arrow arrays of text to Arrow arrays of scores.

text (normalise, tokens) -> sentiment (lexicon rules) + topics (TF-IDF -> SVD) -> score (columns)

Nothing here opens a database, reads the environment or knows where a text came from. Fitting
(`topics.fit`) is apart from applying (`score.score_array`). Every applied row depends on its own
text alone, so the same text scores the same in any batch, order and thread count.
"""
