"""The training loop, its state on disk, and the two tasks that it runs: the diffusion model and the VAE."""
