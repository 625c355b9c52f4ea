"""What /proc tells of processes."""

import subprocess
import sys

from loadtest.proc import tree_cpu_s


def test_cpu_time_is_that_of_the_whole_tree() -> None:
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 0.3 <= tree_cpu_s(process.pid) < 2
        process.communicate(b"\n")
