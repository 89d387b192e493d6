"""List the trackers that are installed."""

from ._plugins import listing_command

command = listing_command("trackers", "sensetrack.trackers", "Each is a command: sensetrack TRACKER --help")
