from .alert_watch import AlertWatch as AlertWatch
from .metrics import METRICS as METRICS
from .metrics import serve_metrics as serve_metrics
