"""One module per experiment of the paper: which cells, how they are scored, what they decide. They describe only."""
