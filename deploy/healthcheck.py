"""Exits with 0 where the app answers on this machine, else with 1: ``python deploy/healthcheck.py [PORT]``."""

import sys
import urllib.request


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=4) as answer:
            return answer.status == 200 and answer.read().strip() == b"ok"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if healthy(int(sys.argv[1]) if len(sys.argv) > 1 else 8501) else 1)
