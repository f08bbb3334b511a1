"""Text to signals: pure functions from Arrow arrays of text to Arrow arrays of scores.

text (normalise) -> tokens -> rules (lexicon) + grams -> model (stance, promotion, class) -> evidence
                           -> topics (TF-IDF -> SVD), instruments, trade_calls
                    score joins the columns; labelled -> train -> `shipped/`; metrics, baselines -> evaluate

Nothing here opens a database, reads the environment or knows where a text came from. Fitting (`train`,
`topics.fit`) is apart from applying (`score.score_array`). Every applied row depends on its own text alone,
so the same text scores the same in any batch, order and thread count.
"""
