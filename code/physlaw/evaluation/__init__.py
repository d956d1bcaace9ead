"""Physics read back from pixels: tracking, velocity errors, baselines. Never imports training."""
