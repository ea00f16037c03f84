"""From what is asked of contacts (a search, a where, the filters of a segment) to SQL with parameters."""
