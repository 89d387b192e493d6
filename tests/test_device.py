"""Devices are never swapped silently, and parallel tasks share the cores."""

from __future__ import annotations

import builtins
import sys
import threading
from types import SimpleNamespace

import pytest

from sensetrack import device
from sensetrack.errors import DeviceError, MissingExtraError


def fake_torch(count: int) -> SimpleNamespace:
    return SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: count > 0, device_count=lambda: count))


def test_the_cpu_is_always_there() -> None:
    assert device.resolve("cpu", ("cpu",)) == "cpu"
    assert device.resolve("auto", ("cpu",)) == "cpu"


@pytest.mark.parametrize(
    ("asked", "count", "expected"),
    [("auto", 0, "cpu"), ("auto", 2, "cuda:0"), ("cuda", 1, "cuda:0"), ("cuda:1", 2, "cuda:1"), ("cpu", 2, "cpu")],
)
def test_what_is_there_is_taken(monkeypatch: pytest.MonkeyPatch, asked: str, count: int, expected: str) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(count))
    assert device.resolve(asked, ("cpu", "cuda")) == expected


@pytest.mark.parametrize(("asked", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_a_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, asked: str, count: int) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake_torch(count))
    with pytest.raises(DeviceError, match=f"device '{asked}': {count} CUDA devices are visible; use cpu or auto"):
        device.resolve(asked, ("cpu", "cuda"))


@pytest.mark.parametrize("asked", ["gpu", "", "cuda:x", "cpu:0", "auto:1", "CUDA"])
def test_an_unknown_name_is_an_error(asked: str) -> None:
    with pytest.raises(DeviceError, match=f"device '{asked}' is unknown; use auto, cpu, cuda or cuda:0"):
        device.resolve(asked, ("cpu", "cuda"))


def test_an_algorithm_without_code_for_it_says_so() -> None:
    with pytest.raises(DeviceError, match="device 'cuda:1': this algorithm runs on cpu only"):
        device.resolve("cuda:1", ("cpu",))


def test_cuda_without_torch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingExtraError, match=r'device \'cuda\' needs the extra "deep": pip install "sensetrack\[deep\]"'
    ):
        device.resolve("cuda", ("cpu", "cuda"))
    assert device.resolve("auto", ("cpu", "cuda")) == "cpu"


@pytest.mark.parametrize(("has_driver", "expected"), [(True, "cuda:0"), (False, "cpu")])
def test_torch_is_loaded_only_where_there_is_a_driver(
    monkeypatch: pytest.MonkeyPatch, has_driver: bool, expected: str
) -> None:
    loaded = []

    def load(name: str, *rest: object) -> object:
        if name != "torch":
            return builtins_import(name, *rest)
        loaded.append(name)
        return fake_torch(1)

    builtins_import = builtins.__import__
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(builtins, "__import__", load)
    monkeypatch.setattr(device, "_has_driver", lambda: has_driver)
    assert device.resolve("auto", ("cpu", "cuda")) == expected
    assert bool(loaded) == has_driver


def test_a_share_of_the_cores_holds_in_its_own_context_only() -> None:
    everything = device.available_cores()
    seen = []
    with device.core_share(3):
        assert device.cores() == 3
        with device.core_share(0):
            assert device.cores() == 1
        thread = threading.Thread(target=lambda: seen.append(device.cores()))
        thread.start()
        thread.join()
        assert device.cores() == 3
    assert seen == [everything]
    assert device.cores() == everything >= 1
