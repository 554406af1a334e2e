"""Troubles of worker processes of a cluster: they come by environment variables."""

import os
import time
import warnings
from pathlib import Path


def dask_setup(worker: object) -> None:
    """Let evaluations of this process be slow, or fail, as the environment says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from objectives import FactorBacktest

    from search_spaces.errors import StorageError

    evaluate = FactorBacktest.evaluate

    def troubled(self, points):
        if not Path(os.environ.get("TEST_SLOW_UNTIL", "")).is_file():
            time.sleep(float(os.environ.get("TEST_SLOW_SECONDS", "0")))
        if "TEST_FATAL" in os.environ:
            raise StorageError(os.environ["TEST_FATAL"])
        how, _, index = os.environ.get("TEST_POISON", "").partition(":")
        if how and int(index) in {int(point) for point in points}:
            if how == "die":
                os._exit(9)
            time.sleep(60)
        return evaluate(self, points)

    FactorBacktest.evaluate = troubled
