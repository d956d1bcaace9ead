"""One cell from its data to its scores; each stage leaves its result on disk and is not repeated."""
