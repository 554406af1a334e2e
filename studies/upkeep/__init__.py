"""Looking after sessions: status, health, deletion, another chance for what failed."""
