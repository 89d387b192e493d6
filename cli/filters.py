"""List the filters that are installed."""

from ._plugins import listing_command

command = listing_command(
    "filters",
    "sensetrack.filters",
    "Used as: sensetrack filter D.tif -o OUT.tif --filter NAME[:parameter=value,...]; sensetrack filter --help",
)
