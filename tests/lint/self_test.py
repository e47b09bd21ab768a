#!/usr/bin/env python3
"""Lint's own test: every rule must find each bad sample, and must leave each good one alone."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import layers
import project_rules
import shape_rules
import text_rules
from lint import FILE_RULES
from source import Source

HEADER = "#pragma once\n// What this is.\n"


def function(lines):
    return "void f() {\n" + "    g();\n" * (lines - 2) + "}\n"


def body(text):
    return "Awaitable<void> f() {\n    " + text + "\n}\n"


# (rule that must speak, path, text)
BAD = (
    ("layer", "lib/wire/a.cpp", '#include "ipmi/command.h"\n'),
    ("layer", "lib/ipmi/a.h", HEADER + '#include "rmcp/engine.h"\n'),
    ("layer", "lib/store/a.cpp", '#include "fleet/node_spec.h"\n'),
    ("layer", "vbmcctl/a.cpp", '#include "fleet/fleet.h"\n'),
    ("layer", "lib/bmc/a.cpp", '#  include "vbmc/v1/node.pb.h"\n'),
    ("layer", "lib/bmc/a.cpp", '#include "local.h"\n'),
    ("third-party", "lib/fleet/a.cpp", "#include <SQLiteCpp/Database.h>\n"),
    ("third-party", "lib/wire/a.cpp", "#include <boost/asio/awaitable.hpp>\n"),
    ("third-party", "lib/bmc/a.h", HEADER + "#include <mutex>\n"),
    ("third-party", "lib/rmcp/a.cpp", "#include <thread>\n"),
    ("third-party", "lib/rmcp/a.cpp", "#include <openssl/evp.h>\n"),
    ("third-party", "lib/fleet/a.cpp", "#include <grpcpp/grpcpp.h>\n"),
    ("third-party", "lib/base/a.cpp", "#include <spdlog/spdlog.h>\n"),
    ("third-party", "lib/backend/a.h", HEADER + "#include <nlohmann/json.hpp>\n"),
    ("pure", "lib/endpoint/a.cpp", '#include "base/log.h"\n'),
    ("own-header-first", "lib/wire/a.cpp", '#include "base/bytes.h"\n#include "wire/a.h"\n'),
    ("clock", "lib/fleet/a.cpp", "auto t = std::chrono::system_clock::now();\n"),
    ("clock", "lib/bmc/a.cpp", "auto t = std::chrono::steady_clock::now();\n"),
    ("clock", "lib/bmc/a.cpp", "auto t = std::time(nullptr);\n"),
    ("pure", "lib/ipmi/a.cpp", "std::mutex m;\n"),
    ("pure", "lib/ipmi/a.cpp", "std::jthread t;\n"),
    ("pure", "lib/crypto/a.cpp", "boost::asio::io_context c;\n"),
    ("mutex", "lib/fleet/a.cpp", "std::mutex m;\n"),
    ("random", "lib/rmcp/a.cpp", "int x = rand();\n"),
    ("random", "lib/rmcp/a.cpp", "std::random_device d;\n"),
    ("sleep", "lib/net/a.cpp", "std::this_thread::sleep_for(x);\n"),
    ("sleep", "tests/unit/net/a.cpp", "usleep(5);\n"),
    ("sleep", "lib/net/a.cpp", "::nanosleep(&a, nullptr);\n"),
    ("parse", "vbmcctl/a.cpp", "int x = std::stoi(text);\n"),
    ("parse", "lib/store/a.cpp", "int x = atoi(text);\n"),
    ("c-string", "lib/wire/a.cpp", "strcpy(a, b);\n"),
    ("c-string", "lib/wire/a.cpp", "sprintf(a, b);\n"),
    ("shell", "lib/backend/a.cpp", 'system("reboot");\n'),
    ("shell", "lib/backend/a.cpp", 'auto* f = ::popen("ls", "r");\n'),
    ("cast", "lib/ipmi/a.cpp", "auto* p = reinterpret_cast<const char*>(q);\n"),
    ("cast", "lib/ipmi/a.cpp", "auto* p = const_cast<char*>(q);\n"),
    ("singleton", "lib/ipmi/a.cpp", "auto& t = Table::instance();\n"),
    ("output", "lib/fleet/a.cpp", "std::cout << 1;\n"),
    ("using-namespace", "lib/wire/a.cpp", "using namespace std;\n"),
    ("leftover", "docs/a.md", "TODO: write this\n"),
    ("leftover", "lib/wire/a.cpp", "// FIXME later\n"),
    ("leftover", "lib/wire/a.cpp", "// not implemented yet\n"),
    ("machine-path", "tests/a.py", "DIR = '/home/somebody/src'\n"),
    ("machine-path", "docs/a.md", "cd /root/vbmcd\n"),
    ("file-length", "lib/wire/a.cpp", "int a;\n" * 601),
    ("header", "lib/wire/a.h", "// What this is.\n#pragma once\n"),
    ("header", "lib/wire/a.h", "#pragma once\n#include <array>\n"),
    ("whitespace", "lib/wire/a.cpp", "int a; \n"),
    ("whitespace", "lib/wire/a.cpp", "int a;"),
    ("function-length", "lib/wire/a.cpp", function(71)),
    ("function-length", "lib/wire/a.cpp", "namespace a {\n" + function(71) + "}\n"),
    ("function-length", "lib/wire/a.cpp", "class A {\n" + function(71) + "};\n"),
    ("function-length", "lib/wire/a.cpp", function(71).replace("f()", "A::A() : a_{1}, b_{f({})}")),
    ("function-length", "lib/wire/a.cpp", function(71).replace("f()", "A::f() const noexcept")),
    ("coroutine", "lib/fleet/a.cpp", body("co_await f([x] { return x; });")),
    ("coroutine", "lib/fleet/a.cpp", body("auto y = co_await f(Agg{1, 2});")),
    ("coroutine", "lib/fleet/a.cpp", body("auto y = co_await f({1, 2});")),
    ("coroutine", "lib/fleet/a.cpp", body("auto y = Agg{co_await f()};")),
    ("coroutine", "lib/fleet/a.cpp", body("co_return Agg{1, co_await f()};")),
    ("coroutine", "lib/fleet/a.cpp", body("if (co_await f(Agg{1})) {\n g();\n }")),
    ("coroutine", "lib/fleet/a.cpp", body("g(Agg{1}, co_await f());")),
    ("coroutine", "lib/fleet/a.cpp", body("g([=] { return 1; }, co_await f());")),
    ("coroutine", "lib/fleet/a.cpp", body("if (a) co_await f({1});")),
)

GOOD = (
    ("lib/ipmi/a.cpp", '#include "ipmi/a.h"\n\n#include "bmc/bmc.h"\n#include <array>\n'),
    ("lib/wire/a.cpp", '// #include "ipmi/command.h"\n'),
    ("lib/control/a.cpp", '#include "fleet/fleet.h"\n#include "vbmc/v1/node.pb.h"\n'),
    ("vbmcd/main.cpp", '#include "control/server.h"\n#include "store/store.h"\n'),
    ("lib/net/a.cpp", "auto t = std::chrono::steady_clock::now();\n"),
    ("lib/bmc/a.cpp", '// rand() and sleep() are words here\nauto x = "system(1)";\n'),
    ("lib/bmc/a.cpp", "model.system(1);\nmodel->random(2);\nint strand(int);\n"),
    ("lib/wire/a.cpp", "auto c = '\"'; int million = 1'000'000; // strcpy(\n"),
    ("lib/wire/a.cpp", 'auto r = R"x(reinterpret_cast " strcpy( )x";\n'),
    ("lib/wire/a.h", HEADER),
    ("lib/net/a.cpp", "co_await net::sleep_until(shard, t);\n"),
    ("lib/fleet/a.cpp", "using namespace std::chrono_literals;\n"),
    ("lib/wire/a.h", "#pragma once\n\n// What this is.\n"),
    ("lib/wire/a.cpp", function(70)),
    ("lib/wire/a.cpp", "namespace a {\n" + function(60) + "\n" + function(60) + "}\n"),
    ("tests/unit/wire/a.cpp", function(90).replace("void f()", 'TEST_CASE("x")')),
    ("lib/fleet/a.cpp", body("auto local = [x] { return x; };\n    co_await f(std::move(local));")),
    ("lib/fleet/a.cpp", body("Agg local{1};\n    co_await f(local);")),
    ("lib/fleet/a.cpp", body("if (co_await f()) {\n        g(Agg{1});\n    }")),
    ("lib/fleet/a.cpp", body("for (;;) {\n        co_await f();\n    }\n    g({1});")),
    ("lib/fleet/a.cpp", body("while (!(co_await f(a[1]))) {\n        g();\n    }\n    co_return Agg{1};")),
    ("lib/fleet/a.cpp", body("co_spawn(c, [x]() -> Awaitable<void> { co_await f(x); }, detached);")),
    ("lib/fleet/a.cpp", body("switch (a) {\n    case 1:\n        co_await f();\n        break;\n    }")),
    ("lib/fleet/a.cpp", body("if (a) {\n        g({1});\n    }\n    co_await f();")),
    ("lib/fleet/a.cpp", body("try {\n        co_await f();\n    } catch (const E& e) {\n        g({1});\n    }")),
    ("docs/a.md", "cd /home/you/vbmcd\n"),
)


def findings(path, text):
    source = Source(path, text)
    return [finding for rule in FILE_RULES for finding in rule(source)]


def check_samples():
    for rule, path, text in BAD:
        found = {finding.rule for finding in findings(path, text)}
        yield f"bad: {rule}: {text[:60]!r}", rule in found
    for path, text in GOOD:
        found = findings(path, text)
        yield f"good: {text[:60]!r} {[str(f) for f in found]}", not found


def check_every_rule_has_a_sample():
    known = {name for name, *_ in text_rules.BANNED}
    sampled = {rule for rule, *_ in BAD}
    yield f"every banned call has a bad sample: {known - sampled}", known <= sampled
    spoken = set()
    for rule in FILE_RULES:
        for _, path, text in BAD:
            if any(rule(Source(path, text))):
                spoken.add(rule)
    silent = [rule.__name__ for rule in FILE_RULES if rule not in spoken]
    yield f"every rule speaks: {silent}", not silent
    assert len(layers.LAYERS) > 10 and shape_rules.RULES


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Source(name, text)


PAGE = "| id | level |\n|---|---|\n| `node.started` | info |\n| `node.gone` | info |\n"
MAN = ".Dd January 1, 2026\n.Dt X 8\n.Os\n.Sh NAME\n.Nm x\n.Nd text\n.Sh DESCRIPTION\nText.\n"


def check_project_rules():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        page = write(root, "docs/events.md", PAGE)
        code = write(
            root,
            "lib/fleet/a.cpp",
            'log(Level::info, "node.started");\nvbmc::log(\n    Level::warn,\n    "node.lost", x\n);\n'
            '// log(Level::info, "node.never");\nlog(a ? Level::info : Level::warn, "Bad id");\n',
        )
        messages = [finding.message for finding in project_rules.check_events(root, [page, code])]
        yield f"events: {messages}", (
            len(messages) == 3
            and any("node.lost is not explained" in m for m in messages)
            and any("node.gone is logged nowhere" in m for m in messages)
            and any("Bad id" in m for m in messages)
        )
        good = write(root, "lib/fleet/b.cpp", 'log(Level::info, "node.started");\n')
        write(root, "docs/events.md", PAGE.replace("| `node.gone` | info |\n", ""))
        yield "events agree", not list(project_rules.check_events(root, [good]))

        (root / ".clang-format").write_text("BasedOnStyle: LLVM\nIndentWidth: 4\n")
        ugly = write(root, "lib/fleet/ugly.cpp", "int   a ;\n")
        neat = write(root, "lib/fleet/neat.cpp", "int a;\n")
        found = list(project_rules.check_format(root, [ugly, neat]))
        yield f"format: {found}", [finding.path for finding in found] == ["lib/fleet/ugly.cpp"]

        bad = write(root, "docs/man/x.8", MAN.replace(".Sh DESCRIPTION", ".Sh DESCRIPTION\n.Zz"))
        yield "man: unknown macro", any(project_rules.check_man_pages(root, [bad]))
        fine = write(root, "docs/man/y.8", MAN)
        yield "man: a good page", not list(project_rules.check_man_pages(root, [fine]))

        broken = write(root, "tests/broken", "#!/usr/bin/env bash\nif true; then\n")
        (root / "tests/broken").chmod(0o755)
        yield "script: bash syntax", any(project_rules.check_scripts(root, [broken]))
        snake = write(root, "tests/snake.py", "def f(:\n")
        yield "script: Python syntax", any(project_rules.check_scripts(root, [snake]))
        unset = write(root, "tests/unset", "#!/usr/bin/env bash\ntrue\n")
        yield "script: not executable", any(project_rules.check_scripts(root, [unset]))


def main():
    passed = failed = 0
    for checks in (check_samples(), check_every_rule_has_a_sample(), check_project_rules()):
        for name, ok in checks:
            passed, failed = (passed + 1, failed) if ok else (passed, failed + 1)
            if not ok:
                print(f"FAIL {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
