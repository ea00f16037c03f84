"""Exports as jobs: kept on disk, taken by whoever has room, and begun again where a process died."""
