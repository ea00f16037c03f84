"""What gives points, what they are kept in, and the colors that they give."""
