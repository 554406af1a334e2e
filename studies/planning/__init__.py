"""How a new session is planned and its queue written."""
