"""MindIR files: parsing, a canonical form, and the version for MindSpore Lite 2.0."""
