"""`physlaw bench gpu`: all that is to be known of a GPU, in one call of a few minutes."""
