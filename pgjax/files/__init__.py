"""Folders of this machine and of buckets: paths, photos by content, locks, CSV tables."""
