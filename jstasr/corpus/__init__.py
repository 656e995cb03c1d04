"""From recordings to data directories: download, unpack, import, split, format."""
