from .cluster import check_scheduler as check_scheduler
from .cluster import run_on_cluster as run_on_cluster
from .progress import Progress as Progress
from .run import run_session as run_session
from .stop import Stop as Stop
