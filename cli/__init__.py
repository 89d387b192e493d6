"""The command line: one file per command, and one command per registered tracker."""
