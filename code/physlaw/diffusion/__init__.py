"""Noise processes, training objectives and samplers. They know a callable model(x_t, t, cond, mask), not the DiT.

Diffusion time t runs from 0 (data) to 1 (pure noise). "velocity" is a ball's; diffusion says v_pred.
"""
