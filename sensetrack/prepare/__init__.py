"""Scenes of any sensors, brought onto one grid as tiles that every tracker takes."""

from sensetrack.prepare._records import Record as Record
from sensetrack.prepare._run import Plan as Plan
from sensetrack.prepare._run import Prepared as Prepared
from sensetrack.prepare._run import plan as plan
from sensetrack.prepare._run import prepare as prepare
from sensetrack.prepare._settings import PrepareParams as PrepareParams
from sensetrack.prepare._settings import Surroundings as Surroundings
from sensetrack.prepare._tiles import Written as Written

__all__ = ["Plan", "Prepared", "PrepareParams", "Record", "Surroundings", "Written", "plan", "prepare"]
