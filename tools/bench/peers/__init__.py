"""One program a peer: each does the same work as ours and writes what it measured as JSON."""
