"""What one worker does: claim, evaluate, record, claim the next."""
