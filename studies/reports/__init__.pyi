from .html_text import Html as Html
from .html_text import definitions as definitions
from .html_text import element as element
from .html_text import escaped as escaped
from .html_text import joined as joined
from .html_text import table as table
from .session_data import SessionData as SessionData
