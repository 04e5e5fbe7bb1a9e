"""Tables of more rows than memory: their statistics by SQL, their rows block by block from a database on disk."""
