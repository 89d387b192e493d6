"""What dense optical flow needs around it: equal brightness, warping, and errors of what was found."""
