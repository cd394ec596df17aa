"""Export of the test images as files for infer310."""
