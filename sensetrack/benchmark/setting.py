"""What figures depend on beside the pairs: the machine, the day, the versions of what takes part."""

from __future__ import annotations

import platform
from datetime import date
from pathlib import Path

import sensetrack
from sensetrack import device
from sensetrack.benchmark.peers import versions


def machine() -> dict[str, str | int]:
    """Return the version and the machine."""
    return {
        "version": sensetrack.__version__,
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "cpu": _processor(),
        "cores": device.cores(),
    }


def setting() -> dict[str, str | int]:
    """Return the same with the day and the versions of the peers, for figures that compare with them."""
    others = ", ".join(f"{name} {version}" for name, version in versions().items())
    return machine() | {"date": date.today().isoformat(), "peers": others}


def machine_line() -> str:
    """Return the version and the machine as a sentence."""
    return _line(machine())


def setting_line() -> str:
    """Return everything as a sentence, for the head of a page."""
    known = setting()
    return f"Measured on {known['date']}: {_line(known)} Peers: {known['peers']}."


def _line(known: dict[str, str | int]) -> str:
    cores = f"{known['cores']} core" + ("s" if known["cores"] != 1 else "")
    parts = (f"sensetrack {known['version']}", known["platform"], known["cpu"], cores)
    return ", ".join(str(part) for part in parts if part) + "."


def _processor() -> str:
    """Return the model of the processor as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
