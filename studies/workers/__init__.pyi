from .factory import make_worker as make_worker
from .work_report import WorkReport as WorkReport
from .worker import Worker as Worker
