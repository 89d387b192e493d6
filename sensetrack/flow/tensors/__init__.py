"""Adaptive Lucas-Kanade in PyTorch: the steps of `sensetrack.flow.lk` and what judges them, as functions of tensors.

One module per step, named as its twin in `sensetrack.flow` without ``lk_``; equations and sources stand there, and
whatever is set is set there. Everything runs where its tensors lie, and nothing per pixel leaves the device between the
two images and the finished layers. Only `sums`, `median`, `spline` and `propagate` go about it another way: the CPU
keeps what it works on in its cache, a GPU does the same to all pixels at once.
"""
