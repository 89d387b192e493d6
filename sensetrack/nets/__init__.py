"""Networks in PyTorch, their weights and their training; modules here are imported only where a network runs.

They work on tensors and know no files but those of weights. Only the extra ``deep`` brings PyTorch: who calls them
asks `sensetrack.nets.extra.need_torch` first.
"""
