"""Benchmarks: they print what they measured beside what they are compared with, and assert nothing."""
