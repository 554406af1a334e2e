from .importer import ImportSummary as ImportSummary
from .importer import import_panel as import_panel
from .project_database import import_market as import_market
from .project_database import read_same_market as read_same_market
from .project_database import source_name as source_name
