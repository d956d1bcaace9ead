"""Trajectories to frames. A renderer sees state only and never advances it."""
