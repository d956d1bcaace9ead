"""The Frechet distance between Gaussian fits to two sets of features, and the features it is taken on.

FVD is the name of the distance on an I3D's logits only; on the latents
of a tokenizer of ours it is called frechet_latent, needs no published weights, and compares with nothing but itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlaw.errors import UserError
from physlaw.evaluation.codec import AS_ARRAYS
from physlaw.metric import LOWER, OWN, Metric

Features = NDArray[np.float64]

_FVD = "400 logits of I3D (Kinetics-400), StyleGAN-V's preparation, unbiased covariances, from arrays"
_LATENT = "per latent frame and channel mean and spread over space, unbiased covariances, from arrays"
FVD = Metric("fvd", "FVD", 1, LOWER, OWN, f"{_FVD}; {AS_ARRAYS}")
FRECHET_LATENT = Metric("frechet_latent", "Fréchet, latents", 3, LOWER, OWN, f"{_LATENT}; {AS_ARRAYS}")
NO_WEIGHTS = "no weights given (`physlaw weights` tells which files and where from)"


def frechet_distance(features: Features, others: Features) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two sets' means and unbiased covariances, in float64.

    tr (S1 S2)^(1/2) is taken as the sum of the singular values of A B', where S1 = A'A and S2 = B'B come from QR
    decompositions of the centred features. No covariance is formed and no root of a rounded zero is taken, so sets
    that do not fill their space (N <= D) are as exact as others.

    Args:
        features, others: (N, D) and (M, D), N and M at least 2.

    Raises:
        UserError: fewer rows, different D, or a value that is not finite.

    Source: Dowson and Landau 1982; Heusel et al. 2017.
    """
    first, second = _checked(features), _checked(others)
    if first.shape[1] != second.shape[1]:
        raise UserError(f"features of {first.shape[1]} and of {second.shape[1]} dimensions cannot be compared")
    shift = first.mean(axis=0) - second.mean(axis=0)
    root, other = _covariance_root(first), _covariance_root(second)
    overlap = np.linalg.svd(root @ other.T, compute_uv=False).sum()
    spread = float((root**2).sum() + (other**2).sum() - 2.0 * overlap)
    return float((shift**2).sum()) + max(spread, 0.0)  # rounding may go below zero, the distance may not


def _covariance_root(values: Features) -> Features:
    """R with R'R the unbiased covariance of (N, D) values."""
    centred = (values - values.mean(axis=0)) / np.sqrt(len(values) - 1)
    return np.linalg.qr(centred).R


def _checked(features: Features) -> Features:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise UserError(f"a Frechet distance needs features (N, D) of at least 2 clips, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise UserError("a Frechet distance needs finite features, got some that are not")
    return values


def pool_latents(latents: ArrayLike) -> Features:
    """(N, C, T, h, w) -> (N, 2 C T) float64: every latent frame's mean, then its spread, per channel over space."""
    values = np.asarray(latents, dtype=np.float64)
    if values.ndim != 5:
        raise UserError(f"latents must have five axes (N, C, T, h, w), got shape {values.shape}")
    flat = values.reshape(*values.shape[:3], -1)
    return np.stack([flat.mean(axis=-1), flat.std(axis=-1)], axis=1).reshape(len(values), -1)
