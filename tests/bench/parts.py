"""What is measured, part by part. Each takes the bench and the report."""

import shutil
import subprocess
import time

import lab
import ping

SUITES = (3, 17)


def check(report, run):
    """Every run: nothing wrong, nothing lost."""
    if run["errors"] or run["lost"]:
        report.error(f"{run['mode']}, suite {run['suite']}, {run['bmcs']} BMCs: "
                     f"{run['errors']} wrong answers, {run['lost']} lost")
    return run


def best(runs):
    return max(runs, key=lambda run: run["per_s"])


def shown(run, limit=None):
    value = {"per_s": int(run["per_s"]), "server_us": run["server_us"],
             "p50_us": int(run["p50_us"]), "p99_us": int(run["p99_us"])}
    if limit and limit["per_s"] and run["server_us"]:
        value["ratio"] = round(run["per_s"] / limit["per_s"], 3)
        value["cpu_ratio"] = round(limit["server_us"] / run["server_us"], 3)
    return value


def speed(bench, report):
    report.title("Speed: one BMC, one server core (a second; CPU microseconds each)")
    with lab.Server(bench, 1) as server:
        server.apply()
        for suite in SUITES:
            limits, statuses = [], []
            with bench.echo(suite) as (port, pid):
                for _ in range(bench.runs):
                    limits.append(bench.load("echo", port, "127.77.0.2", pid, suite=suite))
                    statuses.append(check(report, server.load("status", suite=suite)))
            limit = best(limits)
            report.line(f"echo_{suite}", f"suite {suite}: the crypto echo", shown(limit))
            report.line(f"status_{suite}", f"suite {suite}: Chassis Status", shown(best(statuses), limit),
                        ">= 0.75")
        for mode, goal in (("sessions", 30_000), ("poll", 25_000)):
            runs = [check(report, server.load(mode)) for _ in range(bench.runs)]
            report.line(mode, f"suite 3: {mode}", shown(best(runs)), f">= {goal:,}")
    ipmi_sim(bench, report)


def ipmi_sim(bench, report):
    program = shutil.which("ipmi_sim")
    if not program:
        report.line("ipmi_sim", "ipmi_sim", "not installed (Debian: openipmi)")
        return
    server = lab.Server(bench, 1)
    config = server.folder / "lan.conf"
    commands = server.folder / "sim.emu"
    config.write_text(
        'name "bench"\nset_working_mc 0x20\nstartlan 1\n  addr 127.77.0.3 6230\n  priv_limit admin\n'
        "  allowed_auths_admin none md2 md5 straight\n  guid a123456789abcdefa123456789abcdef\n"
        f'endlan\nuser 2 true "admin" "{lab.PASSWORD}" admin 30 none md2 md5 straight\n')
    commands.write_text("mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n"
                        "mc_enable 0x20\n")
    process = subprocess.Popen([program, "-c", config, "-f", commands, "-s", server.folder, "-n"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, preexec_fn=lab._child(lab.SERVER_CORE))
    try:
        time.sleep(0.5)
        for mode in ("status", "sessions", "poll"):
            run = bench.load(mode, 6230, "127.77.0.3", process.pid, slots=4)
            report.line(f"ipmi_sim_{mode}", f"ipmi_sim, suite 3: {mode}", shown(run))
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        report.line("ipmi_sim", "ipmi_sim", f"could not be measured: {error}")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(server.folder, ignore_errors=True)


def scale(bench, report):
    report.title("Scale: many BMCs on sockets of their own, one server core")
    counts = (1, 1000) if bench.quick else (1, 100, 1000, 10_000)
    for count in counts:
        with lab.Server(bench, count) as server:
            server.apply()
            slots = max(1, 16 // count)
            with bench.echo(3) as (port, pid):
                limit = bench.load("echo", port, "127.77.0.2", pid)
                runs = [check(report, server.load("status", slots=slots, flight=256))
                        for _ in range(bench.runs)]
            report.line(f"status_at_{count}", f"Chassis Status, {count} BMCs", shown(best(runs), limit),
                        ">= 0.5" if count == 10_000 else "")
            runs = [check(report, server.load("sessions", slots=slots, flight=64))
                    for _ in range(bench.runs)]
            report.line(f"sessions_at_{count}", f"sessions, {count} BMCs", shown(best(runs)),
                        ">= 24,000" if count == 10_000 else "")


def memory(bench, report):
    report.title("Memory and start")
    with lab.Server(bench, 1) as server:  # what a vbmcd takes that has next to nothing to do
        server.apply()
        server.stop()
        empty, _ = _started(bench, server, 1)
    for count in (1000,) if bench.quick else (1000, 10_000):
        with lab.Server(bench, count) as server:
            seconds = server.apply()
            report.line(f"apply_{count}_s", f"apply of {count} nodes, seconds", round(seconds, 2),
                        "<= 10" if count == 10_000 else "")
            server.stop()
            slab_before = lab.slab()
            (own, slab_after), answered = _started(bench, server, count)
            report.line(f"start_{count}_s", f"exec to the last of {count} answering, seconds",
                        round(answered, 2), "<= 1.5" if count == 10_000 else "")
            own = (own - empty[0]) / count
            kernel = lab.slab_growth(slab_before, slab_after) / count
            report.line(f"bytes_a_node_{count}", f"bytes a node, {count} nodes: own + kernel",
                        {"own": int(own), "kernel": int(kernel), "all": int(own + kernel)}, "<= 6144")


def _started(bench, server, count):
    """Memory when a start is over, and how long it took until the last node answered."""
    server.start(ready=False)
    answered = _last_answers(bench, server, count)
    time.sleep(5 if bench.quick else 25)  # the first looks, and what they needed is given back
    return server.memory(), answered


def _last_answers(bench, server, count):
    """Until every node has answered the first question of a log-in."""
    ports = {lab.FIRST_PORT + i for i in range(count)}
    ping.until_all_answer(server.host, ports, timeout=60)
    return time.monotonic() - server.started


def control(bench, report):
    count = 1000 if bench.quick else 10_000
    report.title(f"Control API at {count} nodes (seconds; with vbmcctl's own start)")
    with lab.Server(bench, count) as server:
        server.apply()
        for key, what, arguments in (
            ("list", "list of all, names", ("list", "-o", "name")),
            ("list_json", "list of all, JSON", ("list", "-o", "json")),
            ("get", "show one", ("show", "n7")),
            ("unchanged", "apply again, nothing changed", ("-q", "apply", "-f", server.manifest(count))),
        ):
            begun = time.monotonic()
            server.ctl(*arguments)
            report.line(f"{key}_s", what, round(time.monotonic() - begun, 3))
        watch = subprocess.Popen(
            [bench.binaries / "vbmcctl", "--socket", server.folder / "state" / "vbmcd.sock",
             "list", "--watch", "-o", "name"], stdout=subprocess.PIPE, text=True)
        begun = time.monotonic()
        for _ in range(count):
            watch.stdout.readline()
        report.line("watch_s", "watch: all nodes once", round(time.monotonic() - begun, 3))
        watch.kill()
        watch.wait()


def idle(bench, report):
    count = 1000 if bench.quick else 10_000
    report.title("Idle")
    with lab.Server(bench, count) as server:
        server.apply()
        time.sleep(2 if bench.quick else 40)  # the first looks of all nodes are over
        before = server.cpu_seconds()
        seconds = 5 if bench.quick else 60
        time.sleep(seconds)
        share = (server.cpu_seconds() - before) / seconds * 100
        report.line("idle_percent", f"CPU of {count} idle nodes, % of a core", round(share, 3), "<= 1")


def overload(bench, report):
    report.title("Overload: one BMC is flooded, 99 others are polled at 200 a second")
    with lab.Server(bench, 100) as server:
        server.apply()
        victim = f"{server.host}:{lab.FIRST_PORT + 99}"
        polled = dict(count=99, slots=1, rate=200, seconds=bench.seconds)
        calm = check(report, server.load("poll", **polled))
        report.line("calm", "nobody floods", shown(calm))
        flood = bench.binaries / "vbmc_bench_flood"
        program = bench.binaries / "vbmc_bench"
        floods = (
            ("garbage", [flood, "garbage", victim, 100_000]),
            ("open_sessions", [flood, "open", victim, 50_000]),
            ("requests", [program, "status", "--target", victim, "--slots", 16, "--seconds", 60]),
        )
        for name, command in floods:
            with bench.background(*command):
                time.sleep(0.3)
                run = check(report, server.load("poll", **polled))
            report.line(f"under_{name}", f"a flood of {name.replace('_', ' ')}", shown(run), "flat")


def limit(bench, report):
    count, files = (900, 1000) if bench.quick else (19_000, 20_000)
    report.title(f"Limit: {count} endpoints with {files} descriptors")
    with lab.Server(bench, count, files=files) as server:
        server.apply()
        run = check(report, server.load("status", slots=1, flight=256))
        report.line("at_the_limit", f"Chassis Status, {count} BMCs", shown(run))
        server.apply(files - count + 100, first=count, check=False)
        said = [line for line in (server.applied.stdout + server.applied.stderr).splitlines()
                if "descriptor" in line]
        report.line("limit_says", "beyond it", said[0].strip() if said else "nothing clear")
        if not said:
            report.error("no clear message at the descriptor limit")


def shards(bench, report):
    report.title("Shards: 100 BMCs, the server on all cores with 1 and 2 shards")
    if len(lab._CORES) < 2:
        return
    cores = set(lab._CORES)
    for number in (1, 2):
        with lab.Server(bench, 100, shards=number, cores=cores) as server:
            server.apply()
            runs = [check(report, server.load("sessions", slots=1, flight=64)) for _ in range(bench.runs)]
            report.line(f"shards_{number}", f"sessions, {number} shard{'s' if number > 1 else ''}",
                        shown(best(runs)))


PARTS = {
    "speed": speed,
    "scale": scale,
    "memory": memory,
    "control": control,
    "idle": idle,
    "overload": overload,
    "limit": limit,
    "shards": shards,
}
