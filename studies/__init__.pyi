from .config import TuningConfig as TuningConfig
from .config import load_config as load_config
from .methods.genetic import DeapSampler as DeapSampler
from .session import Session as Session
