"""Simulate many workers on one PostgreSQL: how fast, what queues, where it saturates.

A discrete-event simulation of the loop of `studies.workers.worker`: claim a chunk, evaluate it,
record it in one transaction that locks the session's row (totals), writes results and queue rows,
locks the study's row (digest), claims the next chunk and commits. What the database costs was
measured with ``--calibrate`` (see `Costs`); cores, disk and deaths of workers are assumptions
(see `Setting`).
Times are in seconds. Only a sample of the chunks is simulated, in the state a database has when
``progress`` of the strategies are recorded; the rate is that of the middle half of the sample.

    python scripts/simulate_scale.py --workers 1000 --strategies 1e9
    python scripts/simulate_scale.py --workers 1000 --design totals-last --json
    python scripts/simulate_scale.py --table          # the tables of docs/scale.md
    python scripts/simulate_scale.py --calibrate postgresql://postgres@localhost/scratch
"""

import argparse
import dataclasses
import heapq
import json
import math
import statistics
import sys
import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Process = Generator[Any, None, None]
BLOCKS, SCATTERED = "blocks", "scattered"
N_UNIQUE_INDEXES = 2  # (session_id, strategy_id) of results and of the queue


@dataclass(frozen=True)
class Costs:
    """What the database and a worker spend: medians of four runs of ``--calibrate``.

    PostgreSQL 18.4 over a local socket, default settings (fsync on), two cores, one client,
    chunks of 3,000 default strategies with 16 metrics.
    """

    prepare_row_s: float = 2.0e-6  # worker: arrange a strategy's two rows as columns
    settle_s: float = 0.64e-3  # begin, and the chunk's row updated under its fence
    totals_s: float = 0.30e-3  # the session's row
    row_s: float = 14.6e-6  # COPY of a strategy's result and queue row
    row_cpu_s: float = 10.8e-6  # of that, processor time of the server
    digest_s: float = 5.1e-3  # the digest's best, under the study's lock
    claim_s: float = 1.18e-3  # the next chunk
    poll_chunk_s: float = 0.63e-6  # an idle claim, per chunk, before ANALYZE
    commit_s: float = 2.4e-3
    renew_s: float = 0.64e-3
    wal_bytes_row: float = 937.0  # both rows and their index entries
    wal_bytes_commit: float = 2000.0  # not measured apart
    table_bytes_row: float = 569.0  # both tables
    index_bytes_row: float = 205.0  # both tables, primary key and unique index each
    chunk_bytes: float = 462.0  # a row of work_chunks that was updated once, indexes included
    leaf_pages_blocks: float = 0.073  # leaf pages a row touches in one unique index, by order
    leaf_pages_scattered: float = 1.0  # not measured: in a large index no two rows meet


DESIGNS = {  # what a transaction locks until its commit
    "totals-first": {"totals": "first", "digest": True},  # as studies.workers.planned_task has it
    "totals-last": {"totals": "last", "digest": True},
    "no-hot-row": {
        "totals": "none",
        "digest": False,
    },  # totals summed from chunks, digest at the end
}


@dataclass(frozen=True)
class Setting:
    """One installation and one session."""

    workers: int = 1000
    strategies: int = 1_000_000_000
    chunk: int = 3000
    evaluate_s: float = 45e-6  # a strategy
    evaluate_cv: float = 0.2  # coefficient of variation of a chunk's time
    order: str = BLOCKS  # or SCATTERED: which index pages a chunk touches
    totals: str = "first"  # the session's row: first or last in the transaction, or none
    digest: bool = True
    partitions: int = 1  # ranges of chunks, each with its own tables and indexes
    progress: float = 0.5  # share of the strategies recorded already
    lease_s: float = 15.0
    idle_s: float = 0.2
    connections: int = 0  # transactions at a time; 0: one a worker
    cores: int = 16  # of the database
    wal_bytes_s: float = 500e6
    cache_bytes: float = 64e9
    read_s: float = 100e-6  # a page that is not cached
    reads_per_s: float = 200e3  # of the disk, many at a time
    mtbf_s: float = 24 * 3600.0  # of a worker; 0: none dies
    restart_s: float = 30.0
    sample: int = 0  # chunks simulated; 0: ten a worker, at least 2,000
    seed: int = 0
    costs: Costs = field(default_factory=Costs)

    @property
    def n_chunks(self) -> int:
        return math.ceil(self.strategies / self.chunk)

    @property
    def n_sampled(self) -> int:
        return min(self.n_chunks, self.sample or max(2000, 10 * self.workers))

    def reads(self, n: int) -> float:
        """Index pages read from disk for n strategies: those of the live partition not cached."""
        live = self.strategies * self.costs.index_bytes_row / self.partitions
        live *= self.progress if self.partitions == 1 else 1.0
        miss = max(0.0, 1.0 - self.cache_bytes / live)
        pages = {
            BLOCKS: self.costs.leaf_pages_blocks,
            SCATTERED: self.costs.leaf_pages_scattered,
        }
        return N_UNIQUE_INDEXES * pages[self.order] * miss * n

    def rows_s(self, n: int) -> float:
        return n * self.costs.row_s + self.reads(n) * self.read_s

    def wal_s(self, n: int) -> float:
        written = n * self.costs.wal_bytes_row + self.costs.wal_bytes_commit
        return written / self.wal_bytes_s

    def transaction_s(self, n: int) -> float:
        """A transaction that waits for nobody."""
        totals = self.costs.totals_s if self.totals != "none" else 0.0
        digest = self.costs.digest_s if self.digest else 0.0
        held = totals + digest + self.costs.claim_s + self.wal_s(n) + self.costs.commit_s
        return self.costs.settle_s + self.rows_s(n) + held

    def demands(self) -> dict[str, float]:
        """Seconds a chunk keeps each resource busy, divided by how many there are of it."""
        n, costs = self.chunk, self.costs
        digest = costs.digest_s if self.digest else 0.0
        end = self.costs.claim_s + self.wal_s(n) + costs.commit_s
        totals = costs.totals_s + end + digest
        session = {"first": totals + self.rows_s(n), "last": totals, "none": 0.0}[self.totals]
        processor = costs.settle_s + n * costs.row_cpu_s + digest + self.costs.claim_s
        return {
            "session row": session,
            "study row": digest + end if self.digest else 0.0,
            "database cores": processor / self.cores,
            "write-ahead log": self.wal_s(n),
            "index reads": self.reads(n) / self.reads_per_s,
            "connections": self.transaction_s(n) / (self.connections or self.workers),
        }

    def bound(self) -> dict[str, Any]:
        """Closed form: no mix of waiting beats the slowest resource, or the workers alone."""
        demands = self.demands()
        slowest = max(demands, key=lambda name: demands[name])
        cycle = self.chunk * (self.evaluate_s + self.costs.prepare_row_s)
        cycle += self.transaction_s(self.chunk)
        alone, most = self.workers / cycle, 1.0 / demands[slowest]
        return {
            "bottleneck": slowest if most < alone else "workers",
            "bound_strategies_per_s": self.chunk * min(alone, most),
            "most_strategies_per_s": self.chunk * most,
            "saturating_workers": cycle / demands[slowest],
        }


class Simulator:
    """Events in order of time, ties in order of creation.

    A process is a generator: it yields seconds to let pass, or a `Resource` to wait for.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Process]] = []
        self._count = 0

    def start(self, process: Process, delay: float = 0.0) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + delay, self._count, process))

    def run(self, until: float = math.inf) -> None:
        while self._events:
            self.now, _, process = heapq.heappop(self._events)
            if self.now > until:
                raise RuntimeError(f"not done after {until:g} s: idle workers keep the others out")
            for wanted in process:
                if isinstance(wanted, Resource):
                    if not wanted.take(process):
                        break
                else:
                    self.start(process, wanted)
                    break


class Resource:
    """`capacity` alike servers, first come first served; counts how busy they are."""

    def __init__(self, simulator: Simulator, capacity: int = 1) -> None:
        self.capacity = capacity
        self.in_use = 0
        self.busy_s = 0.0
        self.waited_s: list[float] = []
        self._simulator = simulator
        self._queue: deque[tuple[float, Process]] = deque()
        self._since = 0.0

    def take(self, process: Process) -> bool:
        if self.in_use < self.capacity:
            self._change(1)
            self.waited_s.append(0.0)
            return True
        self._queue.append((self._simulator.now, process))
        return False

    def release(self) -> None:
        if self._queue:  # the server goes to the next one without a pause
            arrived, process = self._queue.popleft()
            self.waited_s.append(self._simulator.now - arrived)
            self._simulator.start(process)
        else:
            self._change(-1)

    def busy(self) -> float:
        """Busy seconds of all servers so far."""
        self._change(0)
        return self.busy_s

    def _change(self, by: int) -> None:
        self.busy_s += self.in_use * (self._simulator.now - self._since)
        self._since = self._simulator.now
        self.in_use += by


@dataclass
class _Chunk:
    number: int
    size: int
    attempt: int = 0
    lease_ends: float = 0.0
    state: str = "pending"  # running, settled (in a transaction), recorded
    n_recorded: int = 0


class Session:
    """The chunks of a session, its workers and the database they share."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.simulator = simulator = Simulator()
        self.rng = np.random.default_rng(setting.seed)
        sampled = range(setting.n_sampled)
        left = setting.strategies
        self.chunks = [_Chunk(k, min(setting.chunk, left - k * setting.chunk)) for k in sampled]
        self.pending = list(sampled)
        self.leases: list[tuple[float, int]] = []
        self.connections = Resource(simulator, setting.connections or setting.workers)
        self.session_row = Resource(simulator)
        self.study_row = Resource(simulator)
        self.cores = Resource(simulator, setting.cores)
        self.log = Resource(simulator)
        self.disk = Resource(simulator)
        self.n_left = len(self.chunks)
        self.n_deaths = self.n_lost = self.n_renewals = 0
        self.recorded_at: list[float] = []
        self.delays: list[float] = []
        self.evaluated_s = 0.0
        self.marks: dict[int, tuple[float, dict[str, float]]] = {}

    def run(self) -> None:
        for _ in range(self.setting.workers):
            self.simulator.start(self._work(self._lifetime()))
        bound = self.setting.bound()["bound_strategies_per_s"]
        alone = self.setting.chunk * len(self.chunks) / bound + self.setting.lease_s
        self.simulator.run(100 * alone + 10 * self.setting.restart_s)

    def resources(self) -> dict[str, Resource]:
        return {
            "session row": self.session_row,
            "study row": self.study_row,
            "database cores": self.cores,
            "write-ahead log": self.log,
            "index reads": self.disk,
            "connections": self.connections,
        }

    def _lifetime(self) -> float:
        mean = self.setting.mtbf_s
        return self.simulator.now + self.rng.exponential(mean) if mean else math.inf

    def _work(self, dies_at: float) -> Process:
        """One worker, from its start to its death or the end of the session."""
        claim: tuple[_Chunk, int] | None = None
        while self.n_left:
            if claim is None:
                yield from self._on_core(self.setting.costs.claim_s)
                claim = self._claim()
                if claim is None:
                    yield self.setting.idle_s
                    if self.simulator.now >= dies_at:
                        return self._die()
                    continue
                yield self.setting.costs.commit_s
            alive = yield from self._evaluate(*claim, dies_at)
            if not alive:
                return self._die()
            alive, claim = yield from self._record(*claim, dies_at)
            if not alive:
                return self._die()
        return None

    def _die(self) -> None:
        self.n_deaths += 1
        if self.n_left:
            self.simulator.start(self._work(self._lifetime()), self.setting.restart_s)

    def _claim(self) -> tuple[_Chunk, int] | None:
        now = self.simulator.now
        while self.leases and self.leases[0][0] <= now:
            ends, number = heapq.heappop(self.leases)
            chunk = self.chunks[number]
            if chunk.state == "running" and ends == chunk.lease_ends:
                chunk.state = "pending"
                heapq.heappush(self.pending, number)
        if not self.pending:
            return None
        chunk = self.chunks[heapq.heappop(self.pending)]
        chunk.state = "running"
        chunk.attempt += 1
        self._lease(chunk)
        return chunk, chunk.attempt

    def _lease(self, chunk: _Chunk) -> None:
        chunk.lease_ends = self.simulator.now + self.setting.lease_s
        heapq.heappush(self.leases, (chunk.lease_ends, chunk.number))

    def _evaluate(self, chunk: _Chunk, attempt: int, dies_at: float) -> Generator[Any, None, bool]:
        """Evaluate, and renew the lease every third of it; False if the worker died."""
        seconds = chunk.size * self.setting.evaluate_s
        cv = self.setting.evaluate_cv
        if cv:
            seconds *= self.rng.gamma(1 / cv**2, cv**2)
        seconds += chunk.size * self.setting.costs.prepare_row_s
        end = min(self.simulator.now + seconds, dies_at)
        while (left := end - self.simulator.now) > self.setting.lease_s / 3:
            yield self.setting.lease_s / 3
            if chunk.attempt == attempt:
                self._lease(chunk)
                self.n_renewals += 1
                self.simulator.start(self._renewal())
        yield max(0.0, left)
        self.evaluated_s += seconds
        return end < dies_at

    def _renewal(self) -> Process:
        yield from self._on_core(self.setting.costs.renew_s)
        yield self.setting.costs.commit_s

    def _record(
        self, chunk: _Chunk, attempt: int, dies_at: float
    ) -> Generator[Any, None, tuple[bool, tuple[_Chunk, int] | None]]:
        """Write the transaction of a chunk; whether the worker lives, and its next claim."""
        setting, costs, n = self.setting, self.setting.costs, chunk.size
        began = self.simulator.now
        yield self.connections
        yield from self._on_core(costs.settle_s)
        if chunk.attempt != attempt or chunk.state != "running":
            self.n_lost += 1  # the fence: somebody else has it
            self.connections.release()
            return True, None
        chunk.state = "settled"
        held: list[Resource] = []
        if setting.totals == "first":
            yield from self._lock(self.session_row, held, costs.totals_s)
        yield from self._on_core(n * costs.row_cpu_s)
        reading = setting.reads(n) / setting.reads_per_s
        yield self.disk
        yield reading
        self.disk.release()
        yield max(0.0, setting.rows_s(n) - n * costs.row_cpu_s - reading)
        if setting.totals == "last":
            yield from self._lock(self.session_row, held, costs.totals_s)
        if setting.digest:
            yield from self._lock(self.study_row, held, 0.0)
            yield from self._on_core(costs.digest_s)
        yield from self._on_core(costs.claim_s)
        following = self._claim()
        yield self.log
        yield setting.wal_s(n)
        self.log.release()
        yield costs.commit_s
        alive = self.simulator.now < dies_at
        if alive:
            self._recorded(chunk, self.simulator.now - began - setting.transaction_s(n))
        else:  # rolled back
            chunk.state = "running"
            heapq.heappush(self.leases, (chunk.lease_ends, chunk.number))
            if following is not None:
                following[0].state = "pending"
                heapq.heappush(self.pending, following[0].number)
        for resource in held:
            resource.release()
        self.connections.release()
        return alive, following

    def _recorded(self, chunk: _Chunk, delay: float) -> None:
        chunk.state = "recorded"
        chunk.n_recorded += 1
        self.n_left -= 1
        self.recorded_at.append(self.simulator.now)
        self.delays.append(max(0.0, delay))
        n = len(self.recorded_at)
        if n in _window(len(self.chunks)):
            busy = {name: resource.busy() for name, resource in self.resources().items()}
            self.marks[n] = (self.simulator.now, busy)

    def _lock(self, row: Resource, held: list[Resource], seconds: float) -> Process:
        yield row
        held.append(row)
        yield seconds

    def _on_core(self, seconds: float) -> Process:
        yield self.cores
        yield seconds
        self.cores.release()


def _window(n_chunks: int) -> tuple[int, int]:
    """Chunks between which the steady state is measured."""
    return max(1, n_chunks // 4), max(2, n_chunks - n_chunks // 4)


def simulate(setting: Setting) -> dict[str, Any]:
    """Run one setting and tell what came of it."""
    session = Session(setting)
    session.run()
    first, last = _window(len(session.chunks))
    if len(session.chunks) >= 4:
        (since, before), (until, after) = session.marks[first], session.marks[last]
        seconds = until - since
        rate = (last - first) * setting.chunk / seconds
        utilisation = {
            name: (after[name] - before[name]) / (seconds * resource.capacity)
            for name, resource in session.resources().items()
        }
        delays = np.array(session.delays[first:last])
    else:
        seconds = session.recorded_at[-1]
        rate = sum(chunk.size for chunk in session.chunks) / seconds
        utilisation = {
            name: resource.busy() / (seconds * resource.capacity)
            for name, resource in session.resources().items()
        }
        delays = np.array(session.delays)
    return {
        "workers": setting.workers,
        "strategies": setting.strategies,
        "chunk": setting.chunk,
        "chunks": setting.n_chunks,
        "strategies_per_s": rate,
        "rows_per_s": 2 * rate,
        "hours": setting.strategies / rate / 3600,
        "evaluating_share": rate * setting.evaluate_s / setting.workers,
        "utilisation": utilisation,
        "delay_mean_s": float(delays.mean()),
        "delay_p95_s": float(np.quantile(delays, 0.95)),
        "transaction_s": setting.transaction_s(setting.chunk),
        "wal_mb_per_s": rate * setting.costs.wal_bytes_row / 1e6,
        **setting.bound(),
        "simulated_chunks": len(session.chunks),
        "simulated_strategies": sum(chunk.size for chunk in session.chunks),
        "recorded_strategies": sum(c.size * c.n_recorded for c in session.chunks),
        "recorded_once": all(chunk.n_recorded == 1 for chunk in session.chunks),
        "attempts": sum(chunk.attempt for chunk in session.chunks),
        "deaths": session.n_deaths,
        "lost_claims": session.n_lost,
        "renewals": session.n_renewals,
        "simulated_s": session.recorded_at[-1],
    }


def idle_cores(setting: Setting) -> float:
    """Database cores that workers keep busy at the end, when each finds nothing to claim."""
    poll = setting.costs.claim_s + setting.n_chunks * setting.costs.poll_chunk_s
    return setting.workers * poll / (setting.idle_s + poll)


def sizes(setting: Setting) -> dict[str, float]:
    """Bytes of a finished session."""
    costs = setting.costs
    return {
        "results and queue rows": setting.strategies * costs.table_bytes_row,
        "their indexes": setting.strategies * costs.index_bytes_row,
        "chunks": setting.n_chunks * costs.chunk_bytes,
        "write-ahead log": setting.strategies * costs.wal_bytes_row,
    }


KINDS = {  # evaluation per strategy: measured, measured, and a user's own script, assumed
    "exhaustive, 45 µs": {"evaluate_s": 45e-6, "chunk": 3000, "order": BLOCKS},
    "scattered, 500 µs": {"evaluate_s": 500e-6, "chunk": 1000, "order": SCATTERED},
    "external, 50 ms": {"evaluate_s": 50e-3, "chunk": 200, "order": SCATTERED},
}


def tables() -> str:
    """Write the tables of docs/scale.md."""
    costs = Costs()
    lines = ["**What was measured** (`--calibrate`, see `Costs` in the script)\n"]
    lines += _markdown(
        ["constant", "value"],
        [[f"`{name}`", f"{value:.4g}"] for name, value in dataclasses.asdict(costs).items()],
    )
    lines += ["\n**1,000 workers, 10^9 strategies**, by kind of evaluation and by design\n"]
    rows = []
    for kind, evaluation in KINDS.items():
        for design, options in DESIGNS.items():
            rows.append(_row(kind, design, Setting(**evaluation, **options)))
        partitioned = Setting(**evaluation, **options, partitions=100)
        rows.append(_row(kind, f"{design}, 100 partitions", partitioned))
    header = ["evaluation", "design", "strategies/s", "rows/s", "hours", "workers evaluating"]
    header += ["wait", "log MB/s", "bottleneck", "enough workers"]
    lines += _markdown(header, rows)
    lines += ["\n**Strategies per second by workers**, exhaustive, 45 µs, 10^9 strategies\n"]
    counts = (1, 2, 4, 8, 16, 32, 64, 128, 1000)
    rows = []
    for design, options in DESIGNS.items():
        rates = [
            simulate(Setting(workers=n, sample=max(1000, 10 * n), **options))["strategies_per_s"]
            for n in counts
        ]
        rows.append([design, *(f"{rate:,.0f}" for rate in rates)])
    lines += _markdown(["design", *map(str, counts)], rows)
    lines += ["\n**Strategies per chunk**, 1,000 workers, scattered, 500 µs, `totals-last`\n"]
    rows = []
    for chunk in (100, 300, 1000, 3000, 10_000, 30_000):
        kind = {"evaluate_s": 500e-6, "order": SCATTERED, "partitions": 100}
        setting = Setting(chunk=chunk, **kind, **DESIGNS["totals-last"])
        told = simulate(setting)
        rows.append(
            [
                f"{chunk:,}",
                f"{setting.n_chunks:,}",
                f"{told['strategies_per_s']:,.0f}",
                f"{told['hours']:.2f}",
                f"{1e3 * told['transaction_s']:,.0f} ms",
                told["bottleneck"],
            ]
        )
    header = ["chunk", "chunks", "strategies/s", "hours", "transaction", "bottleneck"]
    lines += _markdown(header, rows)
    lines += ["\n**Size of 10^9 strategies**\n"]
    lines += _markdown(
        ["what", "size"],
        [[name, f"{size / 1e9:,.1f} GB"] for name, size in sizes(Setting()).items()],
    )
    lines += ["\n**Idle workers at the end of a session**, until the next ANALYZE\n"]
    rows = []
    for name, setting in (
        ("436,800 strategies, 8 workers", Setting(strategies=436_800, workers=8)),
        ("436,800 strategies, 1,000 workers", Setting(strategies=436_800)),
        ("10^9 strategies, 1,000 workers", Setting()),
    ):
        rows.append([name, f"{setting.n_chunks:,}", f"{idle_cores(setting):,.1f}"])
    lines += _markdown(["session", "chunks", "database cores"], rows)
    return "\n".join(lines)


def _row(kind: str, design: str, setting: Setting) -> list[str]:
    told = simulate(setting)
    return [
        kind,
        design,
        f"{told['strategies_per_s']:,.0f}",
        f"{told['rows_per_s']:,.0f}",
        f"{told['hours']:,.1f}",
        f"{100 * told['evaluating_share']:.1f} %",
        f"{told['delay_mean_s']:,.2f} s",
        f"{told['wal_mb_per_s']:,.0f}",
        told["bottleneck"],
        f"{told['saturating_workers']:,.0f}",
    ]


def _markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def calibrate(url: str, n_chunks: int = 40, chunk: int = 3000) -> dict[str, float]:
    """Measure `Costs` on an empty PostgreSQL database, step by step as a worker records."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import optuna
    import psutil
    import sqlalchemy as sa

    from objectives import Batch, Objective
    from search_spaces import FactorSpace, make_design
    from studies import queue
    from studies.config import StudyConfig
    from studies.database import METRIC_COLUMNS, tuning_sessions, utc_now
    from studies.outcomes import Outcome, RowWriter
    from studies.session import list_sessions
    from studies.sessions import open_database
    from studies.trials import StudyWriter, open_optuna_storage, study_id_of

    engine = open_database(url)
    if list_sessions(engine):
        raise SystemExit("--calibrate writes 120,000 strategies; give it an empty database")
    name, total = "calibration", 10_000_000
    optuna.create_study(study_name=name, storage=open_optuna_storage(engine), direction="maximize")
    space = FactorSpace.default()
    design = make_design(space, "exhaustive")
    writer = StudyWriter(
        name,
        study_id_of(engine, name),
        space,
        {"net_sharpe_ratio": "maximize"},
        StudyConfig(all_up_to=0),
        total,
    )
    recorder = RowWriter(name, space, start_date="2025-01-01", end_date="2025-06-30")
    rng = np.random.default_rng(0)
    spent: dict[str, list[float]] = {}

    def lap(step: str, since: float) -> float:
        now = time.perf_counter()
        spent.setdefault(step, []).append(now - since)
        return now

    with engine.connect() as connection:
        with connection.begin():
            connection.execute(tuning_sessions.insert().values(session_id=name, status="running"))
            queue.insert_chunks(connection, name, 0, queue.plan_chunks(n_chunks * chunk, chunk))
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        claim = queue.claim_next(connection, name, "calibration", 600.0)
        connection.commit()
        server = psutil.Process(pid) if psutil.pid_exists(pid) else None
        for _ in range(n_chunks - 1):
            assert claim is not None
            indices = design.indices(claim.start, claim.stop)
            values = 100 * rng.normal(size=(chunk, len(METRIC_COLUMNS)))
            batch = Batch(tuple(METRIC_COLUMNS), values, values[:, 3:4], (None,) * chunk)
            # a tenth of the way of a long session: few sampled positions, a full running best
            positions = np.arange(claim.start, claim.stop) + total // 10
            outcome = Outcome(indices, positions, batch, utc_now(), utc_now(), 0.1)
            at = time.perf_counter()
            rows, strategies = (
                recorder.prepare_results(outcome, Objective.columns(recorder, indices)),
                recorder.prepare_queue(indices),
            )
            lap("prepare", at)
            before = connection.execute(sa.text("SELECT pg_current_wal_insert_lsn()")).scalar_one()
            connection.commit()
            used = sum(server.cpu_times()[:2]) if server else 0.0
            at = time.perf_counter()
            queue.settle(connection, claim, chunk, 0)
            at = lap("settle", at)
            connection.execute(
                tuning_sessions.update()
                .where(tuning_sessions.c.session_id == name)
                .values(completed_strategies=tuning_sessions.c.completed_strategies + chunk)
            )
            at = lap("totals", at)
            recorder.is_queued(connection, rows)
            recorder.insert_queue(connection, strategies, outcome.started, outcome)
            recorder.insert_results(connection, rows, outcome)
            at = lap("rows", at)
            writer.append(connection, outcome)
            at = lap("digest", at)
            claim = queue.claim_next(connection, name, "calibration", 600.0)
            at = lap("claim", at)
            connection.commit()
            lap("commit", at)
            spent.setdefault("cpu", []).append(
                sum(server.cpu_times()[:2]) - used if server else math.nan
            )
            after = sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :before)")
            written = connection.execute(after, {"before": before}).scalar_one()
            connection.commit()
            spent.setdefault("log", []).append(float(written))
        told = {
            key: connection.execute(sa.text(text)).scalar_one()
            for key, text in {
                "tables": "SELECT pg_table_size('hyperparameter_tuning_results')"
                " + pg_table_size('strategy_queue')",
                "indexes": "SELECT pg_indexes_size('hyperparameter_tuning_results')"
                " + pg_indexes_size('strategy_queue')",
            }.items()
        }
        n_rows = (n_chunks - 1) * chunk
        poll_chunk_s, chunk_bytes = _idle_claim(connection)
    median = {step: statistics.median(times) for step, times in spent.items()}
    return {
        "prepare_row_s": median["prepare"] / chunk,
        "settle_s": median["settle"],
        "totals_s": median["totals"],
        "row_s": median["rows"] / chunk,
        "row_cpu_s": statistics.mean(spent["cpu"]) / chunk,
        "digest_s": median["digest"],
        "claim_s": median["claim"],
        "poll_chunk_s": poll_chunk_s,
        "commit_s": median["commit"],
        "renew_s": median["settle"],
        "wal_bytes_row": statistics.mean(spent["log"]) / chunk,
        "table_bytes_row": told["tables"] / n_rows,
        "index_bytes_row": told["indexes"] / n_rows,
        "chunk_bytes": chunk_bytes,
        "leaf_pages_blocks": _leaf_pages(space, design, chunk),
    }


def _idle_claim(connection: Any, n_chunks: int = 300_000) -> tuple[float, float]:
    """Seconds per chunk that a claim takes when all are completed, and bytes a chunk takes."""
    import sqlalchemy as sa

    from studies import queue

    connection.execute(sa.text("DELETE FROM work_chunks"))
    connection.execute(
        sa.text(
            "INSERT INTO work_chunks (session_id, chunk_no, position_start, position_stop, state,"
            " attempt, completed_strategies, failed_strategies) SELECT 'idle', g, g, g + 1,"
            " 'pending', 0, 0, 0 FROM generate_series(1, :n) g"
        ),
        {"n": n_chunks},
    )
    # the planner's statistics are of a moment before: a tenth of the chunks was still pending
    complete = sa.text("UPDATE work_chunks SET state = 'completed' WHERE chunk_no <= :n")
    connection.execute(complete, {"n": n_chunks * 9 // 10})
    connection.execute(sa.text("ANALYZE work_chunks"))
    connection.execute(complete, {"n": n_chunks})
    connection.commit()
    times = []
    for _ in range(10):
        began = time.perf_counter()
        queue.claim_next(connection, "idle", "calibration", 600.0)
        times.append(time.perf_counter() - began)
        connection.commit()
    size = connection.execute(sa.text("SELECT pg_total_relation_size('work_chunks')")).scalar_one()
    connection.commit()
    return statistics.median(times) / n_chunks, size / n_chunks


def _leaf_pages(space: Any, design: Any, chunk: int, entries: int = 100) -> float:
    """Leaf pages of `entries` ids that a chunk touches, per row, in an index of all ids."""
    ids = np.array(space.strategy_ids(np.arange(len(space))))
    place = np.empty(len(ids), dtype=np.int64)
    place[np.argsort(ids)] = np.arange(len(ids))
    starts = range(0, 30 * chunk, chunk)
    pages = [np.unique(place[design.indices(k, k + chunk)] // entries).size for k in starts]
    return statistics.mean(pages) / chunk


def main() -> None:
    arguments = _parse()
    if arguments.table:
        print(tables())
        return
    if arguments.write:
        _write(Path(arguments.write))
        return
    if arguments.calibrate:
        told: dict[str, Any] = calibrate(arguments.calibrate)
    else:
        told = simulate(_setting(arguments))
    if arguments.json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {100 * share:.0f} %" for key, share in value.items())
        print(f"{name:>24}  {f'{value:,.6g}' if isinstance(value, float) else value}")


def _write(page: Path) -> None:
    """Put the tables between the markers of a page."""
    before, rest = page.read_text().split("<!-- simulation:begin -->\n")
    _, after = rest.split("\n<!-- simulation:end -->")
    tables_between = f"<!-- simulation:begin -->\n{tables()}\n<!-- simulation:end -->"
    page.write_text(before + tables_between + after)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", action="store_true", help="print the tables of docs/scale.md")
    parser.add_argument("--write", metavar="PAGE", help="put them between the markers of a page")
    parser.add_argument("--calibrate", metavar="URL", help="measure the costs on an empty database")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--design", choices=DESIGNS, help="sets --totals and --digest")
    for kind, prefix in ((Setting, ""), (Costs, "cost-")):
        for option in dataclasses.fields(kind):
            if option.name == "costs":
                continue
            flag = f"--{prefix}{option.name.replace('_', '-')}"
            if isinstance(option.default, bool):
                action = argparse.BooleanOptionalAction
                parser.add_argument(flag, action=action, default=None)
                continue
            read = _whole if isinstance(option.default, int) else type(option.default)
            choices = {"order": (BLOCKS, SCATTERED), "totals": ("first", "last", "none")}
            parser.add_argument(
                flag,
                type=read,
                choices=choices.get(option.name),
                help=f"default {option.default:g}" if read is not str else None,
            )
    return parser.parse_args()


def _setting(arguments: argparse.Namespace) -> Setting:
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    costs = {name[5:]: value for name, value in given.items() if name.startswith("cost_")}
    names = {option.name for option in dataclasses.fields(Setting)}
    options = DESIGNS[arguments.design] if arguments.design else {}
    options = {**options, **{name: value for name, value in given.items() if name in names}}
    return Setting(**options, costs=Costs(**costs))


def _whole(text: str) -> int:
    """Read 1e9 as a whole number."""
    number = float(text)
    if number != int(number):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(number)


if __name__ == "__main__":
    main()
