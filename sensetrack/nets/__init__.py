"""Learned trackers: networks, their training and their weights; PyTorch is loaded by the modules that need it only."""
