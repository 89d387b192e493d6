"""GeoFlowNet: sizes of the paper, masks, and that it learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.nets.faultdeform.stream import Stream, StreamSettings  # noqa: E402
from sensetrack.nets.geoflow import KIND, GeoFlowNet, Variant, normalise  # noqa: E402
from sensetrack.nets.geoflow_training import align, make_step, train_geoflow  # noqa: E402
from sensetrack.nets.settings import GeoFlowTraining, TrainSettings  # noqa: E402
from sensetrack.nets.training import Batch, train  # noqa: E402
from sensetrack.nets.validation import ones, stack  # noqa: E402
from sensetrack.nets.weight_files import load_weights  # noqa: E402


@pytest.mark.parametrize(("variant", "width", "millions"), [("A", 1.0, 45.6), ("A", 0.25, 2.87), ("B", 1.0, 11.8)])
def test_sizes(variant: Variant, width: float, millions: float) -> None:
    net = GeoFlowNet(variant, width)
    assert sum(part.numel() for part in net.parameters()) / 1e6 == pytest.approx(millions, rel=0.005)


@pytest.mark.parametrize(("variant", "coarsest"), [("A", 64), ("B", 16)])
def test_flows_go_to_full_resolution(variant: Variant, coarsest: int) -> None:
    net = GeoFlowNet(variant, 0.1)
    assert net.multiple == coarsest
    image = torch.rand(2, 1, 64, 128)
    flows = net(image, image, (torch.ones_like(image),) * 2)
    assert [flow.shape[3] for flow in flows] == [128 >> k for k in reversed(range(len(net.encode)))]


def test_what_is_masked_and_how_bright_it_is_do_not_matter() -> None:
    image, mask = torch.rand(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    mask[..., :8] = 0
    wild = torch.where(mask > 0, 9 * image + 100, torch.full_like(image, -5000.0))
    torch.testing.assert_close(normalise(image, mask), normalise(wild, mask), atol=1e-4, rtol=0)
    assert not normalise(image, mask)[..., :8].any()
    assert not normalise(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8)).any()


def test_one_sample_is_learned_by_heart(tmp_path: Path) -> None:
    torch.manual_seed(0)
    batch: Batch = stack([Stream(StreamSettings(size=64, scenes=1, smooth=1.0))(1)])
    net = GeoFlowNet("B", 0.125)
    settings = TrainSettings(steps=300, minutes=5, precision="float32", rate=3e-3, decay=0.0)
    step = make_step(aligned=False)
    train(net, lambda _: batch, step, settings, tmp_path / "one.ckpt")
    with torch.inference_mode():
        assert float(step(net, batch)[1]) < 0.05
        assert net(batch.reference, batch.secondary, ones(batch))[-1].isfinite().all()


def test_the_shift_of_a_sample_is_taken_out() -> None:
    """The secondary moves by it, the truth becomes what is left, and what is not reached is invalid."""
    torch.manual_seed(0)
    image = torch.rand(2, 1, 48, 64)
    secondary = torch.stack([image[0].roll((3, -7), (1, 2)), image[1]])
    truth = torch.stack([torch.tensor([-7.2, 3.1]), torch.tensor([0.3, -0.4])])[:, :, None, None].expand(2, 2, 48, 64)
    rest, masks, shifts = align(Batch(image, secondary, truth, torch.ones_like(image)))
    assert shifts[:, :, 0, 0].tolist() == [[-7, 3], [0, 0]]
    torch.testing.assert_close(rest.truth[:, :, 0, 0], torch.tensor([[-0.2, 0.1], [0.3, -0.4]]))
    torch.testing.assert_close(rest.secondary * masks[1], image * masks[1])
    assert masks[1][0].sum() == 45 * 57
    assert masks[1][1].all()
    assert masks[0].all()


def test_trained_weights_come_with_their_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensetrack.nets.geoflow_training.validate", lambda *_: {"0.01-1": 0.5})
    settings = GeoFlowTraining(variant="B", width=0.1, steps=1, size=64, scenes=1, smooth=1.0, batch=1, aligned=True)
    done = train_geoflow(settings, tmp_path / "b.ckpt", tmp_path / "b.pt", "the command", print)
    assert (done.step, done.samples) == (1, 1)
    assert json.loads((tmp_path / "b.json").read_text())["settings"]["variant"] == "B"
    held = load_weights(tmp_path / "b.pt", KIND)
    net = GeoFlowNet(**held.shape)
    net.load_state_dict(held.state)


def test_the_rate_is_that_of_the_paper() -> None:
    settings = GeoFlowTraining()
    assert (settings.rate, settings.batch, settings.steps, settings.halve_every) == (
        5e-4,
        32,
        50_000,
        20 * 40_000 // 32,
    )
