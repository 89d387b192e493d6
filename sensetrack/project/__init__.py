"""Monitoring projects: from a file that names scenes to velocities, a time series and a report, resumable."""

from sensetrack.project.plan import Plan as Plan
from sensetrack.project.run import Outcome as Outcome
from sensetrack.project.run import Project as Project
from sensetrack.project.run import run_project as run_project
from sensetrack.project.settings import ProjectParams as ProjectParams
from sensetrack.project.settings import read_project as read_project
from sensetrack.project.settings import write_template as write_template

__all__ = ["Outcome", "Plan", "Project", "ProjectParams", "read_project", "run_project", "write_template"]
