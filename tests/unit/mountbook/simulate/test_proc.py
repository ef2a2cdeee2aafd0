import os
import subprocess
import sys
import time

from mountbook.simulate import proc


def test_the_cpu_time_of_a_process_is_that_of_its_clock() -> None:
    before = time.process_time()
    found = proc.cpu_seconds(os.getpid())
    assert before <= found <= time.process_time()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert proc.cpu_seconds(gone.pid) == 0.0


def test_a_family_is_a_process_with_its_children_of_now_and_before() -> None:
    busy = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\nsys.stdin.read()"
    before = proc.family_cpu_seconds(os.getpid()) - time.process_time()
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        lives = proc.family_cpu_seconds(os.getpid()) - time.process_time()
        child.stdin.close()
    child.wait()
    waited = proc.family_cpu_seconds(os.getpid()) - time.process_time()
    assert min(lives, waited) - before > 0.25
