"""Objects of a bucket or a folder: listed, read and written, wherever they lie."""
