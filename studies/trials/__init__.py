"""Optuna's tables: its storage, trials appended in bulk or under way, the digest of a session."""
