"""FaultDeform: image pairs whose displacement is known, made from seeds, to train and to test learned trackers.

After Montagnon et al. (2024), *GeoFlowNet*, section III: ground moved by rough faults in an elastic half-space, windows
of it scaled to ranges of displacement, and images resampled with it. Nothing is stored: a sample follows from its
number.
"""
