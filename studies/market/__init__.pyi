from .importer import import_panel as import_panel
