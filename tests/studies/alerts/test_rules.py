"""Rules: what may be written, and when each of them has something to say."""

import pytest

from search_spaces.errors import ConfigError
from studies import TuningConfig
from studies.alerts.action import Action
from studies.alerts.conditions import Facts, RuleWatch
from studies.alerts.rule import AlertRule

SECRET = "hunter2-of-the-tests"


def rules(*values):
    return TuningConfig.from_mapping({"alerts": list(values)}).alerts


def fired(rule, *facts, seconds=1.0):
    """What a rule says to facts that come every so many seconds."""
    watch = RuleWatch(AlertRule(action="log", **rule))
    return [watch.look(each, seconds * n) for n, each in enumerate(facts)]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"when": "stalled", "action": "log"}, "alerts.0: stalled needs 'seconds'"),
        ({"when": "failure_rate", "action": "log"}, "failure_rate needs 'above'"),
        ({"when": "eta", "above": 0.5, "action": "log"}, "eta has no setting 'above'"),
        ({"when": "disk", "seconds": 5, "action": "log"}, "disk has no setting 'seconds'"),
        ({"when": "memory", "action": "log"}, "memory needs 'gigabytes'"),
        ({"when": "finished", "seconds": 5, "action": "log"}, "finished has no setting 'seconds'"),
        ({"when": "late", "action": "log"}, "alerts.0.when: .*got 'late'"),
        ({"when": "finished"}, "alerts.0.action: field required"),
        ({"when": "stalled", "seconds": 0, "action": "log"}, "seconds: .*greater than 0, got 0"),
        ({"when": "failure_rate", "above": 1.0, "action": "log"}, "above: .*less than 1, got 1.0"),
        ({"when": "stalled", "seconds": True, "action": "log"}, "expected a number, got true"),
        ({"when": "finished", "action": "log", "to": "me"}, "unknown setting 'alerts.0.to'"),
        ({"when": "finished", "action": "mail"}, r"action: expected log, \{command"),
        ({"when": "finished", "action": {"command": []}}, r"command: expected a program"),
        ({"when": "finished", "action": {"command": "ls -l"}}, "command: input should be a valid"),
        ({"when": "finished", "action": {"webhook": 3}}, "begins with http:// or https://"),
        ({"when": "finished", "action": {"command": ["a"], "webhook": "http://h"}}, "expected log"),
    ],
)
def test_what_a_rule_cannot_be(rule, message):
    with pytest.raises(ConfigError, match=message):
        rules(rule)


@pytest.mark.parametrize(
    "action",
    [
        {"webhook": f"ftp://me:{SECRET}@host/"},
        {"webhook": f"file:///{SECRET}"},
        {"webhook": f"https:///{SECRET}"},
        {"webhook": f"http://host:99999/{SECRET}"},
        {"webhook": f"http://host/{SECRET} x"},
        {"webhok": f"http://host/{SECRET}"},
        [f"http://host/{SECRET}"],
    ],
)
def test_a_wrong_address_is_refused_and_not_repeated(action):
    for rule in ({"when": "finished", "action": action}, {"action": action}):
        with pytest.raises(ConfigError) as refused:
            rules(rule)
        assert SECRET not in str(refused.value)


def test_rules_are_written_as_they_are_read():
    values = [
        {"when": "stalled", "seconds": 120.0, "action": "log"},
        {"when": "disk", "gigabytes": 2.5, "action": {"command": ["notify", "x"]}},
        {"when": "new_best", "action": {"webhook": "https://example.org/hook"}},
    ]
    config = TuningConfig.from_mapping({"alerts": values})
    assert config.model_dump(mode="json")["alerts"] == values


def test_an_address_is_shown_without_what_gives_access():
    url = f"https://me:{SECRET}@example.org:8443/{SECRET}?token={SECRET}"
    config = TuningConfig.from_mapping(
        {"alerts": [{"when": "finished", "action": {"webhook": url}}]}
    )
    assert SECRET not in config.without_passwords().to_yaml()
    action = config.alerts[0].action
    assert action.name == "https://example.org/***"
    assert SECRET not in repr(config)
    assert Action.model_validate({"command": ["notify", SECRET]}).name == "notify"


CONDITIONS = {
    "failure_rate": (
        {"when": "failure_rate", "above": 0.25},
        Facts(n_recent=20, n_recent_failed=6),
        Facts(n_recent=20, n_recent_failed=5),
        0.3,
        "30% of the newest 20 strategies failed, more than 25%",
    ),
    "stalled": (
        {"when": "stalled", "seconds": 60},
        Facts(idle_seconds=60.0),
        Facts(idle_seconds=59.0),
        60.0,
        "nothing was recorded for 60 s",
    ),
    "eta": (
        {"when": "eta", "seconds": 3600},
        Facts(eta_seconds=7200.0),
        Facts(eta_seconds=3600.0),
        7200.0,
        "the rest takes 7,200 s, more than 3,600 s",
    ),
    "disk": (
        {"when": "disk", "gigabytes": 5},
        Facts(disk_bytes=4_900_000_000),
        Facts(disk_bytes=5_000_000_000),
        4.9,
        "4.90 GB are left on the disk of the database",
    ),
    "memory": (
        {"when": "memory", "gigabytes": 1},
        Facts(memory_bytes=900_000_000),
        Facts(memory_bytes=1_000_000_000),
        0.9,
        "0.90 GB of memory are available",
    ),
    "finished": (
        {"when": "finished"},
        Facts(ended="paused", done=3, total=5),
        Facts(done=5, total=5),
        "paused",
        "the run has ended, paused: 3 of 5 strategies",
    ),
}


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_a_condition_speaks_when_it_becomes_true(name):
    rule, true, false, value, text = CONDITIONS[name]
    answers = fired(rule, false, true, true, false, false, true)
    assert [answer is not None for answer in answers] == [0, 1, 0, 0, 0, 1]
    assert (answers[1].value, answers[1].text) == (value, text)


def test_a_few_strategies_say_nothing_about_a_failure_rate():
    assert fired(
        {"when": "failure_rate", "above": 0.0}, Facts(n_recent=19, n_recent_failed=19)
    ) == [None]


def test_nothing_is_stalled_or_late_when_the_run_has_ended():
    facts = Facts(ended="completed", idle_seconds=1e6, eta_seconds=1e6)
    assert fired({"when": "stalled", "seconds": 1}, facts) == [None]
    assert fired({"when": "eta", "seconds": 1}, facts) == [None]


def test_an_unknown_rest_is_not_late():
    assert fired({"when": "eta", "seconds": 1}, Facts()) == [None]


def best(value, **more):
    return Facts(metric="roi", best_id="A", best_value=value, better=True, **more)


def test_a_new_best_is_not_repeated_and_not_lost():
    same = Facts(metric="roi", best_id="A", best_value=2.0)
    rule = {"when": "new_best", "seconds": 10}
    said = fired(rule, best(1.0), best(2.0), same, same, same, same, seconds=4.0)
    assert [alert and alert.value for alert in said] == [1.0, None, None, 2.0, None, None]
    assert said[0].text == "new best: A with roi 1"
    # at the end at once
    said = fired(rule, best(1.0), best(2.0, ended="completed"), seconds=1.0)
    assert [alert.value for alert in said] == [1.0, 2.0]
    # 30 seconds if nothing is said of it
    said = fired({"when": "new_best"}, best(1.0), best(2.0), best(3.0), best(4.0), seconds=10.0)
    assert [alert and alert.value for alert in said] == [1.0, None, None, 4.0]
