"""Runs graphs and single operators in SNAP's ``gpt``, and believes only what it sees."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensetrack.errors import GraphError, SnapError
from sensetrack.graph.snap._document import Document, Dropped, Target
from sensetrack.graph.snap._listen import Listener, Log
from sensetrack.graph.snap._process import Ended
from sensetrack.graph.snap._process import run as run_process
from sensetrack.graph.snap.explain import KILLED, Heard, last_words, surest
from sensetrack.graph.snap.find import Snap
from sensetrack.graph.snap.outputs import Stage, check, staged, with_extension
from sensetrack.graph.snap.parameters import known_parameters
from sensetrack.graph.snap.settings import GptSettings
from sensetrack.graph.snap.values import as_text
from sensetrack.log import logger
from sensetrack.raster.write import refuse_same_file
from sensetrack.types import PathLike, Progress

_log = logger(__name__)


@dataclass(frozen=True)
class GptRun:
    """What came of a run.

    Attributes
    ----------
    outputs : tuple of Path
        What was written, in the order of the graph's Write nodes.
    log : Path
        All that ``gpt`` said.
    seconds : float
        How long it took.
    dropped : tuple of Dropped
        Parameters that were left out because this SNAP does not know them.
    """

    outputs: tuple[Path, ...]
    log: Path
    seconds: float
    dropped: tuple[Dropped, ...] = ()


def run_gpt(
    snap: Snap,
    graph: PathLike,
    *,
    log: PathLike,
    variables: Mapping[str, str] | None = None,
    sources: Mapping[str, PathLike] | None = None,
    outputs: Sequence[PathLike] | None = None,
    settings: GptSettings | None = None,
    folder: PathLike = ".",
    overwrite: bool = True,
    progress: Progress | None = None,
) -> GptRun:
    """Run a graph in SNAP.

    ``gpt`` gets a copy of the graph whose Write nodes write into hidden folders beside their files. Only outputs that
    are there, can be read and hold data get to their place, all of them or none; whatever else happens, nothing is
    left behind but the log. It runs in a process group of its own, without a shell, and is ended with all that it
    started when it takes too long or this process is interrupted.

    Parameters
    ----------
    snap : Snap
        From `find_snap`.
    graph : path-like
        XML of the graph.
    log : path-like
        Where all that ``gpt`` says is kept, also when it fails.
    variables : mapping of str to str, optional
        Values of ``${name}`` in the graph (-P). They are put into its text, so ``&`` and ``<`` are to be escaped.
    sources : mapping of str to path-like, optional
        Products for sources that are no nodes (-S).
    outputs : sequence of path-like, optional
        What the graph must write; an error if it does not. Without a Write node in the graph, the one file that the
        last node is written to.
    settings : GptSettings, optional
    folder : path-like
        What file names in the graph are relative to.
    overwrite : bool
        Whether existing outputs may be replaced.
    progress : callable, optional
        Called with percent done and 100, in this thread.

    Raises
    ------
    SnapError
        SNAP failed, or what it wrote is useless, whatever its exit status. One line says why and what to do.
    GraphError
        The graph cannot be run as it is.
    OutputError
        An output exists and may not be replaced, is also an input, or cannot be written.
    """
    settings = settings or GptSettings()
    where = Path(folder).absolute()
    document = Document(Path(graph), variables or {})
    targets, extra = _targets(document, where, outputs)
    given = {name: (where / path).absolute() for name, path in (sources or {}).items()}
    for target in targets:
        refuse_same_file(with_extension(target.path, target.format), [*given.values(), *document.inputs(where)])
    arguments = ["-e", *settings.arguments()]
    arguments += [f"-P{name}={value}" for name, value in (variables or {}).items()]
    arguments += [f"-S{name}={path}" for name, path in given.items()]
    dropped = list[Dropped]()
    job = _Job(snap, settings, Path(log), where, progress)
    with (
        staged([each.path for each in targets], [each.format for each in targets], overwrite=overwrite) as stage,
        tempfile.TemporaryDirectory(prefix="sensetrack-gpt-") as scratch,
        Log(Path(log)) as kept,
    ):
        places = {target.node: stage.place(target.path) for target in targets}
        document.write_to(places)
        target_arguments = ["-t", str(places[""])] if extra else []
        while True:
            copy = Path(scratch) / "graph.xml"
            document.save(copy)
            outcome = job.run([str(copy), *arguments, *target_arguments], kept)
            left_out = _drop_from(document, outcome, snap, settings)
            if left_out is None:
                break
            dropped.append(left_out)
            _log.warning("%s", left_out)
        return job.close(outcome, stage, targets, dropped)


def run_operator(
    snap: Snap,
    operator: str,
    parameters: Mapping[str, object],
    sources: Mapping[str, PathLike],
    target: PathLike,
    format: str = "GeoTIFF-BigTIFF",
    *,
    log: PathLike,
    settings: GptSettings | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> GptRun:
    """Run one operator of SNAP.

    Parameters
    ----------
    snap : Snap
        From `find_snap`.
    operator : str
        Such as ``"Multilook"``.
    parameters : mapping
        By their names in graphs: text, numbers, booleans, paths, and lists of them. None leaves the default.
    sources : mapping of str to path-like
        Products by the names of the operator's sources, such as ``sourceProduct``.
    target : path-like
        What is written; the extension of the format is added where it is missing.
    format : str
        As SNAP names it.
    log, settings, overwrite, progress
        As in `run_gpt`.

    Raises
    ------
    SnapError, OutputError
        As in `run_gpt`.
    """
    settings = settings or GptSettings()
    final = Path(target).absolute()
    files = {name: Path(path).absolute() for name, path in sources.items()}
    refuse_same_file(with_extension(final, format), list(files.values()))
    values = {name: as_text(value) for name, value in parameters.items() if value is not None}
    dropped = list[Dropped]()
    job = _Job(snap, settings, Path(log), Path.cwd(), progress)
    with staged([final], [format], overwrite=overwrite) as stage, Log(Path(log)) as kept:
        fixed = [f"-S{name}={path}" for name, path in files.items()]
        fixed += ["-t", str(stage.place(final)), "-f", format]
        while True:
            given = [f"-P{name}={value}" for name, value in values.items()]
            outcome = job.run([operator, "-e", *settings.arguments(), *given, *fixed], kept)
            name = outcome.unknown
            if not settings.drop_unknown or name not in values or name in known_parameters(snap, operator):
                break
            dropped.append(Dropped("", operator, name, values.pop(name)))
            _log.warning("%s", dropped[-1])
        return job.close(outcome, stage, [Target(operator, final, format)], dropped)


@dataclass(frozen=True)
class _Outcome:
    """How one call of ``gpt`` ended and what it said."""

    ended: Ended
    listener: Listener

    @property
    def cause(self) -> Heard | None:
        return self.listener.surest

    @property
    def unknown(self) -> str:
        """The parameter that this SNAP does not know and failed for; empty where that is not why."""
        known = self.listener.heard.get("unknown parameter")
        return known.groups["name"] if known is not None and self.ended.code > 0 else ""


@dataclass
class _Job:
    """Calls of ``gpt`` for one result, until it is there or the failure is explained."""

    snap: Snap
    settings: GptSettings
    log: Path
    folder: Path
    progress: Progress | None
    seconds: float = 0.0

    def run(self, arguments: Sequence[str], log: Log) -> _Outcome:
        """Call it once."""
        command = [str(self.snap.gpt), *arguments]
        log.begin(command)
        listener = Listener(log)
        shown = [-1]

        def tick() -> None:
            if self.progress is not None and listener.percent.done > shown[0]:
                shown[0] = listener.percent.done
                self.progress(shown[0], 100)

        try:
            ended = run_process(
                command,
                listener.take,
                folder=self.folder,
                environment=_environment(),
                timeout=self.settings.timeout,
                stall=self.settings.stall,
                tick=tick,
            )
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise SnapError(f"{self.snap.gpt} cannot be started ({error.strerror or error}{where})") from error
        listener.close()
        self.seconds += ended.seconds
        return _Outcome(ended, listener)

    def close(self, outcome: _Outcome, stage: Stage, targets: Sequence[Target], dropped: Sequence[Dropped]) -> GptRun:
        """Return what was made, or raise with the reason."""
        why = self._why(outcome)
        if why:
            raise SnapError(f"SNAP failed: {why}; log: {self.log}")
        try:
            finals = [check(stage, each.path, accept_empty=self.settings.accept_empty) for each in targets]
        except SnapError as error:
            cause = outcome.cause
            said = cause.text if cause is not None else last_words(outcome.listener.lines)
            raise SnapError(f"{error}{f'; {said}' if said else ''}; log: {self.log}") from error
        if self.progress is not None and outcome.listener.percent.done < 100:
            self.progress(100, 100)
        return GptRun(tuple(finals), self.log, self.seconds, tuple(dropped))

    def _why(self, outcome: _Outcome) -> str:
        """Return why a run is of no use, as far as it says so itself; empty if it does not."""
        ended, cause, done = outcome.ended, outcome.cause, outcome.listener.percent.done
        if ended.reason == "timeout":
            return f"it ran longer than timeout={self.settings.timeout:g} s and was ended at {done} %"
        if ended.reason == "stall":
            return (
                f"it said nothing for stall={self.settings.stall:g} s and was ended at {done} %; older versions "
                "lock up on some products: update SNAP, set parallelism to 1, or raise stall"
            )
        useless = surest(heard for heard in outcome.listener.heard.values() if heard.sign.always)
        if useless is not None:
            return useless.text
        if ended.was_killed:
            return KILLED.text
        said = last_words(outcome.listener.lines) or "it did not say why"
        if cause is not None and ended.code:
            return f"{cause.text} (it says: {said})" if cause.sign.is_guess else cause.text
        if ended.code:
            how = f"by signal {-ended.code}" if ended.code < 0 else f"with exit status {ended.code}"
            return f"it ended {how}: {said}"
        return ""


def _targets(document: Document, folder: Path, outputs: Sequence[PathLike] | None) -> tuple[list[Target], bool]:
    """Return what a graph writes, and whether that has to be said to ``gpt`` because no node does."""
    found = document.targets(folder)
    asked = [(folder / path).absolute() for path in outputs or ()]
    if not found:
        if len(asked) != 1:
            raise GraphError(f"{document.path}: has no Write node; add one, or name one output")
        return [Target("", asked[0], "" if asked[0].suffix else "BEAM-DIMAP")], True
    finals = [with_extension(target.path, target.format) for target in found]
    twice = next((path for path in finals if finals.count(path) > 1), None)
    if twice is not None:
        raise GraphError(f"{document.path}: two nodes write {twice}; give each a file of its own")
    for path in asked:
        if path not in finals and path not in [target.path for target in found]:
            known = ", ".join(str(target.path) for target in found)
            raise GraphError(f"{document.path}: writes {known}, and not {path}")
    return found, False


def _drop_from(document: Document, outcome: _Outcome, snap: Snap, settings: GptSettings) -> Dropped | None:
    """Take the parameter out of a graph that SNAP failed for, if that is wished and SNAP's help lacks it too."""
    name = outcome.unknown
    if not name or not settings.drop_unknown:
        return None
    node = outcome.listener.heard["unknown parameter"].node
    nodes = [(node, document.operator_of(node))] if node else document.nodes_with(name)
    for own, operator in nodes:
        if name not in known_parameters(snap, operator):
            return document.drop(own, name)
    return None


def _environment() -> Mapping[str, str] | None:
    """Return an environment in which Java reads file names as UTF-8; None where ours does."""
    if sys.platform != "linux":
        return None
    language = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "")
    if "utf-8" in language.lower() or "utf8" in language.lower():
        return None
    return {**os.environ, "LC_ALL": "C.UTF-8"}
