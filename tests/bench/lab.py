"""The bench's equipment: servers on their core, the load generator on another, what the kernel says."""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PASSWORD = "benchmark"
FIRST_PORT = 6230
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = _CORES[0], _CORES[-1]
_libc = ctypes.CDLL(None)


def _child(core):
    def prepare():
        _libc.prctl(1, signal.SIGKILL)  # dies with the bench
        os.sched_setaffinity(0, core if isinstance(core, set) else {core})

    return prepare


class Report:
    """Lines of the table, and the same as data."""

    def __init__(self, to_stdout):
        self.out = sys.stdout if to_stdout else sys.stderr
        self.data = {}
        self.errors = 0

    def machine(self):
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next((l.split(":")[1].strip() for l in info if l.startswith("model name")), "?")
        self.data["machine"] = {"cpu": model, "cores": len(_CORES), "kernel": os.uname().release}
        load = os.getloadavg()[0]
        print(f"{model}, {len(_CORES)} cores, Linux {os.uname().release}, load {load:.1f}", file=self.out)

    def title(self, text):
        print(f"\n{text}", file=self.out, flush=True)

    def line(self, key, text, value, goal=""):
        self.data[key] = value
        print(f"  {text:<46}{goal:>16}   {self._shown(value)}", file=self.out, flush=True)

    def error(self, text):
        self.errors += 1
        self.data.setdefault("errors", []).append(text)
        print(f"  ERROR: {text}", file=self.out, flush=True)

    @staticmethod
    def _shown(value):
        if isinstance(value, dict):
            return "  ".join(f"{k} {Report._shown(v)}" for k, v in value.items())
        if isinstance(value, float):
            return f"{value:,.3f}" if value < 10 else f"{value:,.1f}"
        return f"{value:,}" if isinstance(value, int) else str(value)


class Bench:
    def __init__(self, binaries, quick, runs):
        self.binaries = binaries
        self.quick = quick
        self.runs = 1 if quick else runs
        self.seconds = 1 if quick else 3
        programs = ("vbmcd", "vbmcctl", "vbmc_bench", "vbmc_bench_echo", "vbmc_bench_flood")
        missing = [p for p in programs if not (binaries / p).exists()]
        if missing:
            sys.exit(f"not there: {', '.join(missing)} in {binaries}; build them:\n"
                     "  cmake --preset release && cmake --build build/release")

    def load(self, mode, port, host, pid=0, count=1, slots=16, suite=3, seconds=None, rate=0, flight=1024):
        """One run of the load generator, as a dict; every answer was verified."""
        command = [self.binaries / "vbmc_bench", mode, "--target", f"{host}:{port}", "--count", count,
                   "--slots", slots, "--suite", suite, "--seconds", seconds or self.seconds,
                   "--pid", pid, "--rate", rate, "--flight", flight]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, timeout=300,
                              preexec_fn=_child(CLIENT_CORE), check=False,
                              env={**os.environ, "VBMC_BENCH_PASSWORD": PASSWORD})
        if not done.stdout:
            raise RuntimeError(f"vbmc_bench ended with {done.returncode}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def background(self, *command):
        """Something beside the measurement, on the client's core."""
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True,
                                   preexec_fn=_child(CLIENT_CORE),
                                   env={**os.environ, "VBMC_BENCH_PASSWORD": PASSWORD})
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def echo(self, suite):
        process = subprocess.Popen([self.binaries / "vbmc_bench_echo", "127.77.0.2", str(suite)],
                                   stdout=subprocess.PIPE, text=True, preexec_fn=_child(SERVER_CORE))
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()
            process.wait()


def slab():
    """The kernel's slab memory: cache -> (objects in use, bytes of one)."""
    try:
        with open("/proc/slabinfo", encoding="ascii") as info:
            rows = [line.split() for line in info.read().splitlines()[2:]]
        return {row[0]: (int(row[1]), int(row[3])) for row in rows}
    except PermissionError:
        with open("/proc/meminfo", encoding="ascii") as info:
            return {"all": (next(int(l.split()[1]) for l in info if l.startswith("Slab:")), 1024)}


def slab_growth(before, after):
    """Bytes: on a quiet machine the sockets'. What a monitor leaves that looked through
    /proc/PID/fd (an inode, a dentry and a security module's record for each descriptor) is not."""
    grown = {cache: after[cache][0] - before.get(cache, (0, 0))[0] for cache in after}
    looked_at = grown.pop("proc_inode_cache", 0)
    for cache in ("dentry", "lsm_inode_cache"):
        if cache in grown:
            grown[cache] -= looked_at
    return sum(objects * after[cache][1] for cache, objects in grown.items())


class Server:
    """A vbmcd with `count` simulated nodes on one address, port after port."""

    host = "127.77.0.1"

    def __init__(self, bench, count, shards=1, cores=None, files=None, config=""):
        self.bench = bench
        self.count = count
        self.files = files
        self.cores = cores or SERVER_CORE
        self.folder = Path(tempfile.mkdtemp(prefix="vbmc-bench-"))
        self.process = None
        (self.folder / "vbmcd.yaml").write_text(
            f"default-address: {self.host}\nshards: {shards}\nlog:\n  level: warn\n{config}")
        (self.folder / "password").write_text(PASSWORD)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, ready=True):
        prepare = _child(self.cores)

        def limited():
            prepare()
            if self.files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

        self.started = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.bench.binaries / "vbmcd", "--state-dir", self.folder / "state",
                 "--config", self.folder / "vbmcd.yaml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=limited)
        while ready and self.ctl("info", check=False).returncode != 0:
            if self.process.poll() is not None:
                raise RuntimeError("vbmcd ended:\n" + (self.folder / "log").read_text()[-2000:])
            time.sleep(0.01)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    @property
    def pid(self):
        return self.process.pid

    def ctl(self, *arguments, check=True, timeout=300):
        return subprocess.run(
            [self.bench.binaries / "vbmcctl", "--socket", self.folder / "state" / "vbmcd.sock",
             *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=check,
            stdin=subprocess.DEVNULL, preexec_fn=_child(set(_CORES)))

    def manifest(self, count, first=0):
        path = self.folder / f"nodes-{count}.yaml"
        with open(path, "w", encoding="utf-8") as out:
            for i in range(first, first + count):
                out.write(
                    f"---\nname: n{i}\naddress: {self.host}\nport: {FIRST_PORT + i}\n"
                    f"backend: {{kind: sim}}\nlabels: {{rack: r{i // 40}}}\n"
                    f"users: [{{name: admin, password-file: {self.folder}/password}}]\n")
        return path

    def apply(self, count=None, first=0, check=True):
        """Seconds that the client took."""
        path = self.manifest(count or self.count, first)
        begun = time.monotonic()
        self.applied = self.ctl("-q", "apply", "-f", path, check=check, timeout=600)
        return time.monotonic() - begun

    def load(self, mode, **more):
        more.setdefault("count", self.count)
        return self.bench.load(mode, FIRST_PORT, self.host, self.pid, **more)

    def cpu_seconds(self):
        return sum(int(t.read_text().split()[0]) for t in Path(f"/proc/{self.pid}/task").glob("*/schedstat")) / 1e9

    def memory(self):
        """(own bytes, the kernel's slab) of now. Anonymous pages count, not the program's own: those
        are private or shared depending on who else runs it."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        own = sum(int(line.split()[1]) * 1024 for line in rollup.splitlines()
                  if line.startswith(("Anonymous:", "Swap:")))
        return own, slab()
