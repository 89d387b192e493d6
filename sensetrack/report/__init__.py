"""Figures, the explanation of single pixels, and the HTML report."""
