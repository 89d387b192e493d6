"""The pyramid net, its loss, its training and its weights: what must hold before and after learning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import InputError

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.nets.deep_lk_training import batches, make_step, train_deep_lk  # noqa: E402
from sensetrack.nets.faultdeform.stream import Stream, StreamSettings  # noqa: E402
from sensetrack.nets.grids import box, enlarge, even_out, gradients, halve, move  # noqa: E402
from sensetrack.nets.losses import end_point_error, multiscale_loss, robust_loss, shrink  # noqa: E402
from sensetrack.nets.pyramid import PyramidNet, PyramidShape  # noqa: E402
from sensetrack.nets.settings import DeepLkTraining, TrainSettings  # noqa: E402
from sensetrack.nets.training import train  # noqa: E402
from sensetrack.nets.validation import stack  # noqa: E402
from sensetrack.nets.weight_files import Weights, load_weights, save_weights  # noqa: E402

TINY = PyramidShape(channels=(8, 12), scales=(4, 2, 1))
SAMPLES = StreamSettings(size=64, scenes=2, faults=1, smooth=1.0)


def waves(rows: int, cols: int, dx: float = 0.0, dy: float = 0.0) -> torch.Tensor:
    """A texture of two waves, moved."""
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    image = np.sin(0.5 * (x - dx) + 0.2 * (y - dy)) + np.cos(0.45 * (y - dy) - 0.15 * (x - dx))
    return torch.from_numpy(image.astype(np.float32))[None, None]


def constant(dx: float, dy: float, rows: int, cols: int) -> torch.Tensor:
    return torch.tensor([float(dx), float(dy)])[None, :, None, None].expand(1, 2, rows, cols)


def test_move_looks_where_the_flow_points_to() -> None:
    image = torch.arange(48.0).reshape(1, 1, 6, 8)
    moved = move(image, constant(2, 1, 6, 8))
    torch.testing.assert_close(moved[0, 0, :5, :6], image[0, 0, 1:, 2:])
    assert (moved[0, 0, 5] == 0).all()


def test_box_is_the_mean_of_what_there_is() -> None:
    image = torch.rand(1, 1, 9, 11)
    mean = box(image, 2)[0, 0]
    assert mean[4, 5] == pytest.approx(float(image[0, 0, 2:7, 3:8].mean()), rel=1e-5)
    assert mean[0, 0] == pytest.approx(float(image[0, 0, :3, :3].mean()), rel=1e-5)


def test_gradients_of_a_plane_are_exact() -> None:
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    right, down = gradients((3 * x - 2 * y)[None, None])
    torch.testing.assert_close(right[0, 0, 2:-2, 2:-2], torch.full((5, 5), 3.0))
    torch.testing.assert_close(down[0, 0, 2:-2, 2:-2], torch.full((5, 5), -2.0))


def test_levels_know_nothing_of_what_is_masked() -> None:
    image, mask = torch.ones(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    image[..., 4:9, 4:9], mask[..., 4:9, 4:9] = 1e6, 0
    smaller, share = halve(image, mask)
    torch.testing.assert_close(smaller[share > 0.01], torch.ones(int((share > 0.01).sum())))
    assert even_out(image, mask, 3, 0.05).abs().max() < 1e-2
    assert float(share[0, 0, 3, 3]) < 0.01


def test_evened_images_forget_gain_and_offset() -> None:
    image, mask = torch.rand(1, 1, 40, 40), torch.ones(1, 1, 40, 40)
    torch.testing.assert_close(
        even_out(image, mask, 5, 0.05), even_out(7 * image + 3, mask, 5, 0.05), atol=1e-3, rtol=0
    )


def test_enlarged_flows_keep_their_length() -> None:
    torch.testing.assert_close(enlarge(constant(1, -2, 4, 4), (8, 8)), constant(2, -4, 8, 8))


def test_losses() -> None:
    truth, inside = constant(3, 4, 8, 8), torch.ones(1, 1, 8, 8)
    assert float(end_point_error(torch.zeros(1, 2, 8, 8), truth, inside)) == pytest.approx(5)
    inside[..., :4] = 0
    goal, share = shrink(truth, inside, (4, 4))
    torch.testing.assert_close(goal[..., 2:], constant(1.5, 2, 4, 2))
    assert share.mean() == 0.5
    flows = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 8, 8)]
    assert float(multiscale_loss(flows, truth, inside)) == pytest.approx(5)
    better = [flows[0], truth * 0.9]
    assert float(multiscale_loss(better, truth, inside)) == pytest.approx((6 * 0.5 + 5) / 7, rel=1e-4)
    assert float(robust_loss(better, truth, inside)) < float(robust_loss(flows, truth, inside))


def test_equal_images_and_swapped_images() -> None:
    """Both ways at once: no motion is zero but for rounding, and the way back is the way there."""
    torch.manual_seed(1)
    net = PyramidNet(TINY).eval()
    torch.nn.init.normal_(net.estimate.end.weight, std=0.1)
    image, mask = torch.rand(1, 1, 32, 48), torch.ones(1, 1, 32, 48)
    with torch.inference_mode():
        flows = net(image, image, (mask, mask), both_ways=True)
        assert [tuple(flow.shape[2:]) for flow in flows] == [(8, 12), (16, 24), (32, 48)]
        assert max(float(flow.abs().max()) for flow in flows) < 1e-4
        other = torch.rand(1, 1, 32, 48)
        one_way = net(image, other, (mask, mask), (1,), both_ways=True)[0]
        back = net(other, image, (mask, mask), (1,), both_ways=True)[0]
    assert float(one_way.abs().max()) > 0.05
    torch.testing.assert_close(one_way, -back, atol=1e-3, rtol=1e-3)


def test_masked_pixels_do_not_matter() -> None:
    torch.manual_seed(2)
    net = PyramidNet(TINY).eval()
    torch.nn.init.normal_(net.estimate.end.weight, std=0.1)
    first, second = waves(32, 32), waves(32, 32, 0.7)
    mask = torch.ones(1, 1, 32, 32)
    mask[..., 10:20, 10:20] = 0
    wild = torch.where(mask > 0, second, torch.full_like(second, 50.0))
    with torch.inference_mode():
        flows = [net(first, image, (mask, mask))[-1] for image in (second, wild)]
    torch.testing.assert_close(flows[0], flows[1], atol=1e-5, rtol=1e-4)


def test_one_sample_is_learned_by_heart(tmp_path: Path) -> None:
    torch.manual_seed(0)
    batch = stack([Stream(SAMPLES)(1)])
    net, step = PyramidNet(TINY), make_step(TINY.scales, 0)
    before = float(step(net, batch)[1].detach())
    settings = TrainSettings(steps=250, minutes=5, precision="float32", rate=4e-3, batch=1)
    ones = torch.ones_like(batch.reference)

    def plain(net: torch.nn.Module, batch: object) -> tuple[torch.Tensor, torch.Tensor]:
        flows = net(batch.reference, batch.secondary, (ones, ones))  # type: ignore[attr-defined]
        inside = batch.inside  # type: ignore[attr-defined]
        return robust_loss(flows, batch.truth, inside), end_point_error(flows[-1], batch.truth, inside)  # type: ignore[attr-defined]

    train(net, lambda step: batch, plain, settings, tmp_path / "one.ckpt")
    assert before > 0.5
    with torch.inference_mode():
        assert float(plain(net, batch)[1]) < 0.05


def test_training_in_pieces_is_training_at_once(tmp_path: Path) -> None:
    settings = TrainSettings(steps=6, batch=2, precision="float32", log_every=2, minutes=5)
    make, results = batches(SAMPLES, 2), []
    for pieces in ((6,), (2, 6)):
        torch.manual_seed(3)
        net = PyramidNet(TINY)
        path = tmp_path / f"{len(pieces)}.ckpt"
        for until in pieces:
            # The learning rate is planned over all steps; a piece ends at a step instead of after minutes.
            part = settings.with_changes(steps=until, schedule="halving")
            done = train(net, make, make_plain(), part, path)
            net = PyramidNet(TINY)
        assert (done.step, done.samples) == (6, 11)  # the fourth step has larger images, and fewer of them
        results.append(torch.load(path, weights_only=True)["net"])
    for name, value in results[0].items():
        torch.testing.assert_close(value, results[1][name], msg=name)
    log = (tmp_path / "1.csv").read_text().splitlines()
    assert log[0] == "step,samples,hours,rate,loss,epe"
    assert [line.partition(",")[0] for line in log[1:]] == ["2", "4", "6"]


def make_plain() -> object:
    """A step without anything random in it."""

    def step(net: torch.nn.Module, batch: object) -> tuple[torch.Tensor, torch.Tensor]:
        ones = torch.ones_like(batch.inside)  # type: ignore[attr-defined]
        flows = net(batch.reference, batch.secondary, (ones, ones))  # type: ignore[attr-defined]
        loss = robust_loss(flows, batch.truth, batch.inside)  # type: ignore[attr-defined]
        return loss, loss

    return step


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.ckpt"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a checkpoint of this net"):
        train(PyramidNet(TINY), batches(SAMPLES, 1), make_step((1,), 0), TrainSettings(), path)


def test_trained_weights_come_with_their_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensetrack.nets.deep_lk_training.validate", lambda *_: {"0.01-1": 0.5})
    settings = DeepLkTraining(steps=1, size=64, scenes=1, smooth=1.0, batch=1, channels=(8, 12))
    lines: list[str] = []
    train_deep_lk(settings, tmp_path / "a.ckpt", tmp_path / "a.pt", "the command", lines.append)
    record = json.loads((tmp_path / "a.json").read_text())
    assert record["command"] == "the command"
    assert record["steps"] == 1
    assert record["validation_epe_px"] == {"0.01-1": 0.5}
    held = load_weights(tmp_path / "a.pt", "deep-lk")
    assert held.shape["channels"] == [8, 12]
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes() + b" ")
    with pytest.raises(InputError, match="SHA-256"):
        load_weights(tmp_path / "a.pt", "deep-lk")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match="cannot read the weights"):
        load_weights(path, "deep-lk")
    save_weights(path, "other", Weights({}, {}), {})
    with pytest.raises(InputError, match="weights of 'other' do not fit 'deep-lk'"):
        load_weights(path, "deep-lk")
    path.write_bytes(b"text")
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match="not weights that"):
        load_weights(path, "deep-lk")
