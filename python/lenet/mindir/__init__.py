"""MindIR files: a canonical form, and the form that MindSpore Lite 2.0 reads."""
