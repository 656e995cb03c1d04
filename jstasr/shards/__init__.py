"""Sets in shards: tar files on a disk or at a URL, with an index."""
