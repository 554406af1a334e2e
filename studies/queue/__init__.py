"""Exactly-once work: chunks of design positions, claimed with a lease and settled once."""
