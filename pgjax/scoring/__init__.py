"""Runs and pictures of any system are scored under a protocol, and results are written and compared."""
