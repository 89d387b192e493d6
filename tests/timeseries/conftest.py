"""What tests of series share."""

from products.pairs import write_pairs

__all__ = ["write_pairs"]
