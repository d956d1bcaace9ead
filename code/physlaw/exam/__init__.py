"""Anybody's video model takes a study's exam: what a model may see goes out, its clips come in, and are scored as all
others are."""
