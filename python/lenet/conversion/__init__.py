"""Conversion of exported models to OM files for an Ascend, by ATC of CANN."""
