"""Write a commented project file for 'sensetrack run', and its JSON schema."""

from __future__ import annotations

import click

from ._command import argument, option
from ._command import command as declare
from ._console import say


@declare("init", example="sensetrack init project.yaml\nsensetrack init --schema > schema.json")
@argument("project", default="project.yaml", help="File to write.")
@option("--overwrite", is_flag=True, section="Output", help="Replace the files if they exist.")
@option("--schema", is_flag=True, section="Output", help="Print the JSON schema of project files, and write nothing.")
def command(project: str, overwrite: bool, schema: bool) -> None:
    """Write a commented project file for 'sensetrack run', and its JSON schema, with which editors check it."""
    from sensetrack.project.settings import ProjectParams, write_template

    if schema:
        click.echo(ProjectParams.schema_text(), nl=False)
        return
    for path in write_template(project, overwrite=overwrite):
        say(str(path))
