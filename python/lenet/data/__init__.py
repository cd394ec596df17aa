"""Images and labels: from IDX files to the input of the network."""
