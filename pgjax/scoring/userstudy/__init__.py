"""Studies with people: which pictures they take for real, and which of two systems they prefer."""
