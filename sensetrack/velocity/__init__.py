"""Velocity: from pixels to metres along map axes to metres per time, with errors calibrated on stable ground."""

from sensetrack.velocity.compute import velocity as velocity
from sensetrack.velocity.compute import velocity_file as velocity_file
from sensetrack.velocity.params import VelocityParams as VelocityParams
from sensetrack.velocity.product import Velocity as Velocity
from sensetrack.velocity.stable import StableShift as StableShift
from sensetrack.velocity.stable import stable_shift as stable_shift
from sensetrack.velocity.summary import ComponentErrors as ComponentErrors
from sensetrack.velocity.summary import Summary as Summary
