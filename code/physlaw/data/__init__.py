"""Clips rendered on the fly or read from files, and the caches that training reads. No model code."""
