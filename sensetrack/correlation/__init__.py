"""Batched window correlation: taper, gather, cross-power spectrum, peak, covariance.

Each step is one small compiled kernel over a batch of windows, so that no Python loop touches a window. Batches
are as small as the processor's cache: larger ones wait for memory.
"""
