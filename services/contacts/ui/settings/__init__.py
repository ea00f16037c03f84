"""What the installation runs with, to be read."""
