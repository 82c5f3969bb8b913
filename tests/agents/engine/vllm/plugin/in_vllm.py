"""Running checks in vLLM's own environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

CHECKS = Path(__file__).with_name("checks.py")


def checked(vllm_command: str, what: str, cache: Path) -> dict[str, Any]:
    """Run the checks with the Python that stands beside vLLM."""
    python = Path(vllm_command).with_name("python")
    done = subprocess.run(
        [str(python), str(CHECKS), what],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cache), "TRITON_CACHE_DIR": str(cache)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
