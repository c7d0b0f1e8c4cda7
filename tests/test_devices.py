"""The mapping over devices."""

import gc

import numpy as np
import pytest

from pgjax.devices import over_devices


def test_the_collector_waits_while_a_function_is_traced():
    seen = []

    def double(x):
        seen.append(gc.isenabled())
        return 2 * x

    mapped = over_devices(double, everywhere=False)
    found = mapped(np.ones((1, 3)))
    np.testing.assert_array_equal(found, 2 * np.ones((1, 3)))
    assert seen and not any(seen)
    assert gc.isenabled()


def test_the_collector_goes_on_where_tracing_fails():
    def refuse(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        over_devices(refuse, everywhere=False)(np.ones((1, 3)))
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        over_devices(lambda x: x + 1, everywhere=False)(np.ones((1, 3)))
        assert not gc.isenabled()
    finally:
        gc.enable()
