"""Networks: the diffusion transformer and the video tokenizers. They know tensors, not scenes or files."""
