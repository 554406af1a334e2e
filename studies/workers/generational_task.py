"""A worker of a genetic session: it also breeds the next generation."""

from studies import queue
from studies.database import utc_now
from studies.queue import Claim, LostClaimError
from studies.sessions import Generation, Generations
from studies.workers.worker import Worker

__all__ = ["GeneticWorker"]


class GeneticWorker(Worker):
    """A worker that breeds the next generation where a planned session would be over."""

    def finish(self, claim: Claim) -> None:
        """Breed the next generation; when the budget is spent, close the session."""
        generations = self.session.design
        assert isinstance(generations, Generations)
        with self._lease(claim):
            generation = self._persist(generations.breed)
            if generation is not None:
                self._plan(claim, generations, generation)
                return
        super().finish(claim)

    def _plan(self, claim: Claim, generations: Generations, generation: Generation) -> None:
        """Write a generation, its queue and its chunks, and give the end of the session back."""
        recorder = self.session.row_writer
        strategies = recorder.prepare_queue(generation.points)
        size = self.session.row.snapshot.chunk_size
        ranges = queue.cut(generation.start, generation.stop, size)

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                if not queue.renew(connection, claim, self.lease_seconds):
                    raise LostClaimError(f"the breeding of {claim.session_id} was taken over")
                generations.insert(connection, generation)
                recorder.insert_queue(connection, strategies, utc_now())
                queue.append_chunks(connection, claim.session_id, ranges)
                queue.release(connection, claim)
                return queue.claim_next(connection, claim.session_id, self.name, self.lease_seconds)

        self.held = self._persist(transaction)
