"""Limits of control groups, from files as both versions write them."""

import types

import psutil
import pytest

from studies.upkeep.host import available_memory, usable_cpus

GB = 10**9


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """A host of 8 cores, of which all may be used, with 16 GB available."""
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 8)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: list(range(8)), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=16 * GB))


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


V2 = {"proc/self/cgroup": "0::/user/app\n"}
V1 = {"proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n1:name=systemd:/\n"}
GROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        ({}, 8, 16),
        ({"proc/self/cgroup": "0::/\n"}, 8, 16),
        ({**V2, f"{GROUP}/user/app/cpu.max": "max 100000\n"}, 8, 16),
        ({**V2, f"{GROUP}/user/app/cpu.max": "150000 100000\n"}, 1.5, 16),
        # the tightest of a group and those above it
        (
            {
                **V2,
                f"{GROUP}/user/app/cpu.max": "400000 100000\n",
                f"{GROUP}/user/cpu.max": "200000 100000\n",
                f"{GROUP}/user/app/memory.max": "max\n",
                f"{GROUP}/user/app/memory.current": f"{GB}\n",
                f"{GROUP}/user/memory.max": f"{4 * GB}\n",
                f"{GROUP}/user/memory.current": f"{3 * GB}\n",
                f"{GROUP}/user/memory.stat": f"anon 1\ninactive_file {GB // 2}\n",
            },
            2,
            1.5,
        ),
        # a container that sees its own group as the top
        ({**V2, f"{GROUP}/cpu.max": "300000 100000\n"}, 3, 16),
        (
            {
                **V1,
                f"{GROUP}/cpu/docker/x/cpu.cfs_quota_us": "250000\n",
                f"{GROUP}/cpu/docker/x/cpu.cfs_period_us": "100000\n",
                f"{GROUP}/memory/docker/x/memory.limit_in_bytes": f"{2 * GB}\n",
                f"{GROUP}/memory/docker/x/memory.usage_in_bytes": f"{3 * GB}\n",
            },
            2.5,
            0,
        ),
        (
            {
                **V1,
                f"{GROUP}/cpu/cpu.cfs_quota_us": "-1\n",
                f"{GROUP}/cpu/cpu.cfs_period_us": "100000\n",
                f"{GROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n",
                f"{GROUP}/memory/memory.usage_in_bytes": f"{GB}\n",
            },
            8,
            16,
        ),
        # files that say nothing
        ({**V2, f"{GROUP}/user/app/cpu.max": "\n", f"{GROUP}/user/app/memory.max": "?"}, 8, 16),
    ],
)
def test_limits(tmp_path, files, cpus, memory):
    write(tmp_path, files)
    assert usable_cpus(tmp_path) == cpus
    assert available_memory(tmp_path) == memory * GB


def test_the_cores_that_the_process_may_use(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: [2, 5], raising=False)
    assert usable_cpus(tmp_path) == 2
