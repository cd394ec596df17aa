"""Programs of the peers: each does the same work as ours and writes its figures as JSON."""
