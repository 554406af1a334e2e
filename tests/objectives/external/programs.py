"""A program that misbehaves as its first argument says; what it prints is noise around JSON."""

import datetime
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

kind, path = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None


def second_day(settings):
    first = datetime.date.fromisoformat(settings["start_date"])
    return (first + datetime.timedelta(days=1)).isoformat()


def measured(config):
    value = config["parameters"]["a"] + 10 * config["parameters"]["b"]
    return {
        "strategy_id": config["strategy_id"],
        "success": True,
        "performance": {"total_return": value, "sharpe_ratio": -value, "win_rate": 50.0},
        "days": {second_day(config["settings"]): config["parameters"]["a"] / 100},
    }


if kind == "server":
    for line in sys.stdin:
        config = json.loads(line)
        a = config["parameters"]["a"]
        if a == 7:
            sys.exit(3)
        if a == 8:
            time.sleep(600)
        print("debug: measuring", flush=True)
        print(json.dumps(measured(config)), flush=True)
    sys.exit(0)
if kind == "batch":
    configs = json.loads(Path(path).read_text())
    for config in configs:
        a = config["parameters"]["a"]
        if a == 7 and len(configs) > 1:
            os._exit(3)
        print("debug {", a)
        print(json.dumps(measured(config)), flush=True)
        if a == 8:
            print("no more")
            break
    sys.exit(0)

config = json.loads(Path(path).read_text())
result = measured(config)
if kind == "hang":
    time.sleep(600)
if kind == "children":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", __file__])
    if config["parameters"]["a"] == 0:
        time.sleep(600)
if kind == "huge":
    for _ in range(50):
        sys.stdout.write("x" * 2**20)
    print()
if kind == "broken":
    print(json.dumps(result)[:-3])
    sys.exit(0)
if kind == "several":
    print(json.dumps({"success": True, "performance": {"total_return": 99}}))
    print("between")
if kind == "exit":
    print("Traceback ...\nValueError: no such pair", file=sys.stderr)
    sys.exit(1)
if kind == "signal":
    os.kill(os.getpid(), 9)
if kind == "once" and not Path("tried").exists():
    Path("tried").touch()
    os.kill(os.getpid(), 9)
if kind == "memory":
    held = bytearray(2 * 2**30)
if kind == "nan":
    result["performance"]["total_return"] = math.nan
if kind == "null":
    result["performance"]["total_return"] = None
if kind == "text":
    result["performance"]["total_return"] = "much"
if kind == "foreign":
    result = {"other": 1}
if kind == "refused":
    result = {"success": False, "error": "not enough history"}
if kind == "utf16":
    sys.stdout.buffer.write(("noise\n" + json.dumps(result)).encode("utf-16"))
    sys.exit(0)
if kind == "environment":
    result["performance"]["total_return"] = float(os.environ.get("ALLOWED", "-1"))
    result["performance"]["sharpe_ratio"] = float(os.environ.get("SECRET", "-1"))
if kind == "stdin":
    result["performance"]["total_return"] = len(sys.stdin.read())
print("starting {")
print(json.dumps(result, indent=2))
print("done")
