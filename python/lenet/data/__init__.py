"""Images and labels: IDX files in, network input out."""
