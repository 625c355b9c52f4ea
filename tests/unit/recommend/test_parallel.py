"""Work on several cores comes to what it comes to on one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from app.recommend.parallel import parallel_map, split_over_workers, start_parallel


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_found_comes_back_in_order_whatever_the_cores(count: int) -> None:
    with split_over_workers(count):
        assert list(parallel_map(lambda number: (number, str(number)), 50)) == [
            (n, str(n)) for n in range(50)
        ]


def test_pieces_are_done_side_by_side_within_it_and_not_after() -> None:
    meeting = multiprocessing.get_context("fork").Barrier(2, timeout=30)
    first = multiprocessing.get_context("fork").Value("i", 0)

    def begin() -> None:
        with first.get_lock():
            first.value += 1

    def meet(_number: int) -> int:
        meeting.wait()  # each waits for the other
        return os.getpid()

    with split_over_workers(2, first=begin):
        assert os.getpid() not in set(parallel_map(meet, 2))
    assert first.value == 2
    assert set(parallel_map(lambda _number: os.getpid(), 2)) == {os.getpid()}


def test_work_has_begun_while_the_caller_does_something_else() -> None:
    meeting = multiprocessing.get_context("fork").Barrier(3, timeout=30)

    def meet(number: int) -> int:
        meeting.wait()
        return number

    with split_over_workers(2), start_parallel(meet, 2) as found:
        meeting.wait()  # the caller is the third
        assert list(parallel_map(lambda number: -number, 2)) == [0, -1]
        assert list(found) == [0, 1]


def test_a_single_piece_is_begun_elsewhere_only_where_there_is_something_else_to_do() -> None:
    with split_over_workers(2):
        assert list(parallel_map(lambda _number: os.getpid(), 1)) == [os.getpid()]
        with start_parallel(lambda _number: os.getpid(), 1) as found:
            assert os.getpid() not in set(found)


def test_one_piece_more_than_cores_is_begun_too_and_of_many_as_many_as_there_are_cores() -> None:
    meeting = multiprocessing.get_context("fork").Barrier(3, timeout=30)

    def meet(_number: int) -> int:
        meeting.wait()
        return os.getpid()

    with split_over_workers(2):
        assert len(set(parallel_map(meet, 3))) == 3
        assert len(set(parallel_map(lambda _number: os.getpid(), 8))) <= 2


def test_a_piece_does_not_share_its_work_out_again() -> None:
    def processes(_number: int) -> set[int]:
        return {os.getpid(), *parallel_map(lambda _inner: os.getpid(), 3)}

    with split_over_workers(2):
        assert [len(each) for each in parallel_map(processes, 2)] == [1, 1]


def test_a_piece_that_fails_is_told() -> None:
    with split_over_workers(2), pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda number: 1 / number, 2))


def test_a_process_that_is_killed_is_told() -> None:
    with split_over_workers(2), pytest.raises(BrokenProcessPool):
        list(parallel_map(lambda _number: os.kill(os.getpid(), signal.SIGKILL), 2))
