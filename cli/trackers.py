"""List the trackers that are installed."""

from ._plugins import Plugins, listing_command

command = listing_command(
    "trackers", [Plugins("trackers", "sensetrack.trackers", "Each is a command: sensetrack TRACKER --help")]
)
