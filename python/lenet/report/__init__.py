"""The report of a training or an evaluation: pictures and a page that opens without a network."""
