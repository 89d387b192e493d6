"""Expressions of BandMaths: text to a tree, and a tree to pixels. Nothing of them is ever run as code."""

from sensetrack.graph.expression.evaluate import Surroundings as Surroundings
from sensetrack.graph.expression.evaluate import Value as Value
from sensetrack.graph.expression.evaluate import evaluate as evaluate
from sensetrack.graph.expression.parser import parse as parse
from sensetrack.graph.expression.tree import Tree as Tree
from sensetrack.graph.expression.tree import names_in as names_in
