from .server import DashboardServer as DashboardServer
from .server import dashboard_server as dashboard_server
