"""How well a trained network does on the test set."""
