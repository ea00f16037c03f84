"""What check-identity looks at, how it judges it, and how it mends it."""
