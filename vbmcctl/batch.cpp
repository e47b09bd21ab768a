#include "vbmcctl/batch.h"

#include "google/rpc/status.pb.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <unordered_map>
#include <unordered_set>

namespace vbmc::ctl {

namespace {

Duration clock_now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

std::string seconds_text(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1fs", seconds);
    return text.data();
}

} // namespace

class ScopedProgress::Impl {
  public:
    Impl(Cli& cli, const std::string& verb, std::size_t total)
        : started_(clock_now()),
          progress_(cli.terminal().err, mode_of(cli), verb, total, started_) {}

    static Progress::Mode mode_of(Cli& cli) {
        if (cli.globals().quiet) {
            return Progress::Mode::off;
        }
        return cli.terminal().err_is_tty ? Progress::Mode::redraw : Progress::Mode::lines;
    }

    Duration started_;
    Progress progress_;
};

ScopedProgress::ScopedProgress(Cli& cli, const std::string& verb, std::size_t total)
    : impl_(std::make_unique<Impl>(cli, verb, total)) {}

ScopedProgress::~ScopedProgress() {
    finish();
}

void ScopedProgress::add(bool ok) {
    impl_->progress_.add(ok, clock_now());
}

void ScopedProgress::finish() {
    impl_->progress_.finish(clock_now());
}

double ScopedProgress::seconds() const {
    return std::chrono::duration<double>(clock_now() - impl_->started_).count();
}

namespace {

ItemResult item_of(const api::BatchResult& result) {
    ItemResult item;
    item.name = result.name();
    item.power = result.power();
    if (result.has_error() && result.error().code() != 0) {
        item.error = to_error(result.error());
    }
    return item;
}

/// As the names were given: the stream's order is that in which nodes were done.
void order_like(std::vector<ItemResult>& items, const std::vector<std::string>& names) {
    std::unordered_map<std::string_view, std::size_t> place;
    for (std::size_t i = 0; i < names.size(); ++i) {
        place.emplace(names[i], i);
    }
    std::stable_sort(
        items.begin(),
        items.end(),
        [&place](const ItemResult& a, const ItemResult& b) { return place[a.name] < place[b.name]; }
    );
}

} // namespace

Result<BatchOutcome> run_batch(
    Cli& cli,
    api::BatchNodesRequest request,
    const std::vector<std::string>& names,
    const std::string& verb
) {
    Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    for (const std::string& name : names) {
        request.add_names(name);
    }
    request.set_parallelism(cli.globals().jobs);

    BatchOutcome outcome;
    outcome.items.reserve(names.size());
    ScopedProgress progress(cli, verb, names.size());
    grpc::ClientContext context; // no deadline: a thousand slow machines take their time
    auto stream = (*client)->stub<api::NodeService::Stub>().BatchNodes(&context, request);
    api::BatchNodesResponse response;
    while (stream->Read(&response)) {
        if (response.part_case() == api::BatchNodesResponse::kResult) {
            outcome.items.push_back(item_of(response.result()));
            progress.add(!outcome.items.back().error);
        }
    }
    const grpc::Status status = stream->Finish();
    outcome.seconds = progress.seconds();
    progress.finish();
    if (!status.ok()) {
        return (*client)->to_error(status);
    }
    order_like(outcome.items, names);
    for (const ItemResult& item : outcome.items) {
        if (item.error) {
            outcome.failures.push_back(exit_code_of(*item.error));
        }
    }
    return outcome;
}

ExitCode report_failures(Cli& cli, const std::vector<ItemResult>& items) {
    std::vector<ExitCode> failures;
    std::unordered_set<std::string> hints;
    for (const ItemResult& item : items) {
        if (!item.error) {
            continue;
        }
        Error error = *item.error;
        failures.push_back(exit_code_of(error));
        if (items.size() == 1) {
            error = with_suggestion(cli, std::move(error), item.name);
        }
        // A hundred times the same hint helps nobody.
        if (!error.hint.empty() && !hints.insert(error.hint).second) {
            error.hint.clear();
        }
        cli.terminal().report(error, "node " + item.name);
    }
    return exit_code_of_many(items.size(), failures);
}

namespace {

Listing outcome_listing(const BatchOutcome& outcome, const std::string& done) {
    Listing listing;
    listing.columns = {
        column("name", "NAME", "name"),
        column("result", "RESULT", "result"),
        column("reason", "REASON", "error.reason"),
        column("message", "MESSAGE", "error.message"),
    };
    for (const ItemResult& item : outcome.items) {
        Json row = {{"name", item.name}, {"result", item.error ? "failed" : done}};
        if (item.error) {
            row["error"] = {{"reason", item.error->reason}, {"message", item.error->message}};
        }
        listing.rows.push_back(std::move(row));
    }
    return listing;
}

void print_lines(Cli& cli, const BatchOutcome& outcome, const std::string& done) {
    std::ostream& out = cli.terminal().out;
    const std::size_t good = outcome.items.size() - outcome.failures.size();
    if (outcome.items.size() > ask_above) {
        out << counted(good, "node") << " " << done << " in " << seconds_text(outcome.seconds)
            << "\n";
        return;
    }
    for (const ItemResult& item : outcome.items) {
        if (!item.error) {
            out << "node " << printable(item.name) << " " << done << "\n";
        }
    }
}

} // namespace

ExitCode print_outcome(Cli& cli, const BatchOutcome& outcome, const std::string& done) {
    if (cli.output().format == Format::name) {
        for (const ItemResult& item : outcome.items) {
            cli.terminal().out << (item.error ? "" : printable(item.name) + "\n");
        }
    } else if (!cli.human()) {
        const ExitCode printed = cli.print(outcome_listing(outcome, done));
        if (printed != ExitCode::ok) {
            return printed;
        }
    } else if (!cli.globals().quiet) {
        print_lines(cli, outcome, done);
    }
    return report_failures(cli, outcome.items);
}

} // namespace vbmc::ctl
