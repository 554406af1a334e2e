"""What several test modules share: generators of nasty panels and small markets."""
