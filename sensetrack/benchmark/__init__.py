"""Every tracker and image filter on the same pairs of known displacement, and on real ones."""
