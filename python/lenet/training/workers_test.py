import numpy as np
import pytest

from lenet import devices
from lenet.errors import UserError
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.training import launch, workers
from lenet.training.workers import Workers


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_shares_partition_the_batch(size):
    order = np.random.default_rng(0).permutation(24 * 5).reshape(5, 24)
    shares = [Workers(rank, size).share(order) for rank in range(size)]
    assert all(share.shape == (5, 24 // size) for share in shares)
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), order)


def test_one_worker_agrees_with_itself():
    losses = np.array([1, 2], np.float32)
    for stop in (False, True):
        agreed, stops = Workers().agree(losses, stop)
        np.testing.assert_array_equal(agreed, losses)
        assert stops is stop


def test_losses_are_averaged_and_one_request_stops_all():
    others = np.array(
        [5, 2, 1], np.float32
    )  # sum of the other workers, one of which requests to stop
    group = Workers(rank=1, size=4, total=lambda own: own + others)
    losses, stop = group.agree(np.array([3, 2], np.float32), False)
    np.testing.assert_array_equal(losses, [2, 1])
    assert stop


def test_only_the_first_writes():
    assert [Workers(rank, 3).writes for rank in range(3)] == [True, False, False]


@pytest.mark.parametrize(("device_num", "workers"), [(0, 8), (3, 3)])
def test_distribute_starts_a_worker_per_card(monkeypatch, tmp_path, device_num, workers):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(devices, "resolve", lambda *_: "Ascend")
    monkeypatch.setattr(devices, "count", lambda _: 8)
    options = config.default_options(TrainOptions, distribute=True, device_num=device_num)
    converted = launch.with_device_num(options)
    assert converted.worker_num == workers
    assert converted.log_path == f"{tmp_path}/logs"


def test_a_single_process_cannot_join(monkeypatch):
    for variable in ("MS_ROLE", "RANK_TABLE_FILE"):
        monkeypatch.delenv(variable, raising=False)
    assert not workers.started()
    with pytest.raises(UserError, match="train_distributed"):
        workers.join()


def test_cards_are_numbered_from_device_id(monkeypatch):
    monkeypatch.setenv("DEVICE_ID", "3")
    assert workers.card(4) == 7
    monkeypatch.delenv("DEVICE_ID")
    assert workers.card(4) == 4
