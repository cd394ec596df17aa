"""Digits in any picture."""
