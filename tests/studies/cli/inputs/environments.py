"""Shell lines that set a scene, the exit code, and what is said. They are processes: few."""

ENVIRONMENTS = [
    ("MASS_TUNING sessions >&-", 0, ""),
    ("MASS_TUNING status nope 2>&-", 2, ""),
    ("MASS_TUNING sessions > /dev/full", 1, "No space left on device"),
    ("set -o pipefail; MASS_TUNING sessions | true", 141, ""),
    ("mkfifo p; MASS_TUNING --config p sessions", 2, "nobody writes into this pipe"),
    ("MASS_TUNING --config /dev/zero sessions", 2, "larger than 16 MB"),
    ("MASS_TUNING --config <(echo 'database: mysql://a/b') sessions", 2, "'mysql' databases"),
    ("unset HOME XDG_CACHE_HOME; MASS_TUNING generate --size 5", 0, "run it with"),
    ("HOME=/proc XDG_CACHE_HOME= MASS_TUNING generate --size 5", 0, "run it with"),
    ("mkdir g; cd g; rmdir ../g; MASS_TUNING sessions", 1, "a folder is gone"),
    ("COLUMNS=nonsense TERM=nonsense LC_ALL=nonsense MASS_TUNING sessions", 0, "session_"),
    ("PYTHONIOENCODING=ascii MASS_TUNING status", 0, "completed"),
]
