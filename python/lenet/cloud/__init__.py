"""Training on ModelArts: ids, transfers between object storage and the disk, one rank a host."""
