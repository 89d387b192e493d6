"""What tests of series share."""

from products.pairs import write_pairs
from products.views import dem, write_views

__all__ = ["dem", "write_pairs", "write_views"]
