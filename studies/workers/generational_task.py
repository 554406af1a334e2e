"""Sessions of a generational method: planned a generation at a time."""

from dataclasses import dataclass

from studies import queue
from studies.database import utc_now
from studies.queue import Claim, LostClaimError
from studies.sessions import Generation, Generations
from studies.workers.planned_task import PlannedTask

__all__ = ["GenerationalTask"]


@dataclass
class GenerationalTask(PlannedTask):
    """A planned task that breeds the next generation where a planned session would be over."""

    def finish(self, claim: Claim) -> Claim | None:
        """Breed the next generation; when the budget is spent, close the session."""
        generations = self.session.design
        assert isinstance(generations, Generations)
        generation = self.patience.retry(generations.breed)
        if generation is None:
            return super().finish(claim)
        return self._plan(claim, generations, generation)

    def _plan(self, claim: Claim, generations: Generations, generation: Generation) -> Claim | None:
        """Write a generation, its queue and its chunks, give the end back, claim the first chunk.

        All in one transaction, under the ownership check of the finishing chunk.
        """
        writer = self.session.row_writer
        strategies = writer.prepare_queue(generation.points)
        size = self.session.row.snapshot.chunk_size
        ranges = queue.cut(generation.start, generation.stop, size)

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                if not queue.renew(connection, claim, self.lease_seconds):
                    raise LostClaimError(f"the breeding of {claim.session_id} was taken over")
                generations.insert(connection, generation)
                writer.insert_queue(connection, strategies, utc_now())
                queue.append_chunks(connection, claim.session_id, ranges)
                queue.release(connection, claim)
                return self._claim_next(connection)

        return self.patience.retry(transaction)
