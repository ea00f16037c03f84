"""The pages of segments, and the builder of their filters."""
