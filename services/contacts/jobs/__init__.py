"""What is done to many contacts: by their ids at once, or to all of a segment or a search in the background."""
