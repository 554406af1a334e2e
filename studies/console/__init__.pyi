from .main_menu import run_console as run_console
