"""Published weights: which files there are (catalogue), and making our files of them (convert, names, reader).

Nothing is downloaded. A file is opened only after its SHA-256 is found right, and those that are not safetensors only
by reader.py, in a process of its own that can do nothing but read it.
"""
