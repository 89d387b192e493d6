"""List the filters and image filters that are installed."""

from ._plugins import Plugins, listing_command

command = listing_command(
    "filters",
    [
        Plugins(
            "filters",
            "sensetrack.filters",
            "Of displacements: sensetrack filter D.tif -o OUT.tif --filter NAME[:parameter=value,...]",
        ),
        Plugins(
            "image filters",
            "sensetrack.preprocess",
            "Of images: sensetrack preprocess IMG -o OUT.tif --filter NAME[:parameter=value,...], or any tracker with "
            "--preprocess NAME[:parameter=value,...]",
        ),
    ],
)
