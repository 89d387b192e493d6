"""Writers of small satellite products with known pixels, from the descriptions of the formats alone.

Nothing here imports a reader of the package: a reader is proven against the format, not against itself. Every writer
takes a folder and a few knobs, writes one product and returns what is true of it.
"""
