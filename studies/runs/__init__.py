"""A run of a session: in this process or on a cluster, until it is over, paused or stopped."""
