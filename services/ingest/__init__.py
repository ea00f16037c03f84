"""The door: takes hits, keeps them safely in Redis streams, and answers."""
