"""What the embedded PostgreSQL takes of the machine's memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kruispunt.storage.configuration import buffers

MB = 1024 * 1024


@given(st.integers(1, 2**50))
def test_buffers_are_a_part_of_the_memory_within_limits(memory: int) -> None:
    found = buffers(memory)
    assert 128 * MB <= found <= 1024 * MB
    assert found <= memory // 16 or found == 128 * MB


def test_buffers_of_usual_machines() -> None:
    assert [buffers(gigabytes * 1024 * MB) // MB for gigabytes in (1, 2, 4, 16, 256)] == [128, 128, 256, 1024, 1024]
