"""The test images as files for infer310."""
