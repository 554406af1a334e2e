from .action import Action as Action
from .conditions import Alert as Alert
from .conditions import Facts as Facts
from .conditions import RuleWatch as RuleWatch
from .delivery import DeliveryError as DeliveryError
from .delivery import deliver as deliver
from .rule import AlertRule as AlertRule
from .sender import Sender as Sender
