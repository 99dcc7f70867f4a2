"""make run: bring the database up to date, say who may sign in, and serve."""

import os
import sys

from app import create_app
from app.cli import prepare
from config import BadSettings


def main() -> None:
    try:
        app = create_app()
    except BadSettings as error:
        sys.exit(str(error))
    with app.app_context():
        prepare()
    print(f"\nSwitchboard: http://{app.config['BIND']}:{os.environ.get('PORT', '8080')}   (Ctrl+C ends it)", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"])  # noqa: S606 (no shell)


if __name__ == "__main__":
    main()
