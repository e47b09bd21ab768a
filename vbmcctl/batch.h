#pragma once
// One verb over many nodes: vbmcd does them in parallel and streams a result each; here they become
// progress, a line or a document a node, the failures at the end, and an exit code.

#include "vbmcctl/cli.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::ctl {

struct ItemResult {
    std::string name;
    std::optional<Error> error;
    api::PowerState power = api::POWER_STATE_UNSPECIFIED;
};

struct BatchOutcome {
    std::vector<ItemResult> items; // in the order of the names
    std::vector<ExitCode> failures;
    double seconds = 0;
};

/// Runs the verb that `request` holds over `names`, with progress as "VERB: ...". An Error is the
/// whole call's.
Result<BatchOutcome> run_batch(
    Cli& cli,
    api::BatchNodesRequest request,
    const std::vector<std::string>& names,
    const std::string& verb
);

/// Each failure as a line, hints once; then how to end.
ExitCode report_failures(Cli& cli, const std::vector<ItemResult>& items);

/// A job whose only news is that it is done: "node n1 stopped", or "1000 nodes stopped in 1.2s".
ExitCode print_outcome(Cli& cli, const BatchOutcome& outcome, const std::string& done);

/// Progress for `total` items as the terminal and the options allow.
class ScopedProgress {
  public:
    ScopedProgress(Cli& cli, const std::string& verb, std::size_t total);

    ScopedProgress(const ScopedProgress&) = delete;
    ScopedProgress& operator=(const ScopedProgress&) = delete;

    ~ScopedProgress();

    void add(bool ok);

    /// Also called by the destructor; before anything else is written.
    void finish();

    double seconds() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace vbmc::ctl
