#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/no_verb.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words;
    SelectionArgs selection;
    bool once = false;
    bool persistent = false;
    bool efi = false;
};

/// All devices by name, those that people use first.
std::vector<std::string> device_words() {
    std::vector<std::string> words = {"pxe", "disk", "cdrom", "bios", "none"};
    for (int i = api::BootDevice_MIN; i <= api::BootDevice_MAX; ++i) {
        if (api::BootDevice_IsValid(i)) {
            const std::string word = boot_device_text(static_cast<api::BootDevice>(i));
            if (std::find(words.begin(), words.end(), word) == words.end()) {
                words.push_back(word);
            }
        }
    }
    return words;
}

api::BootDevice device_of(const std::string& word) {
    for (int i = api::BootDevice_MIN; i <= api::BootDevice_MAX; ++i) {
        if (api::BootDevice_IsValid(i) &&
            boot_device_text(static_cast<api::BootDevice>(i)) == word) {
            return static_cast<api::BootDevice>(i);
        }
    }
    return api::BOOT_DEVICE_UNSPECIFIED;
}

std::string done_text(const api::Boot& boot, const std::string& word) {
    if (boot.device() == api::BOOT_DEVICE_UNSPECIFIED) {
        return "boots as its machine is set up";
    }
    return "boots from " + word + (boot.persistent() ? " from now on" : " at the next start");
}

ExitCode run_boot(Cli& cli, Args& args) {
    const std::vector<std::string> known = device_words();
    const VerbArgs split = split_at_verb(args.words, known, args.selection.by_property(), 0);
    if (split.verb.empty()) {
        const bool named = args.selection.by_property();
        return cli.fail(no_verb("bootdev needs a device", "boot device", args.words, known, named)
                            .with_hint("devices are " + join(known, ", ")));
    }
    args.selection.names = split.names;
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    if (!names) {
        return cli.fail(names.error());
    }
    if (!confirm(cli, "set the boot device of", names->size())) {
        return ExitCode::failed;
    }
    api::BatchNodesRequest request;
    api::Boot& boot = *request.mutable_set_boot();
    boot.set_device(device_of(split.verb));
    boot.set_persistent(args.persistent);
    boot.set_efi(args.efi);
    const std::string done = done_text(boot, split.verb);
    const Result<BatchOutcome> outcome = run_batch(cli, std::move(request), *names, "bootdev");
    return outcome ? print_outcome(cli, *outcome, done) : cli.fail(outcome.error());
}

void define(CLI::App& command, Args& args) {
    command.add_option("NAME... DEVICE", args.words, "Nodes, then pxe, disk, cdrom, bios or none")
        ->type_name("");
    auto* once = command.add_flag("--once", args.once, "For the next start only (the default)");
    command.add_flag("--persistent", args.persistent, "For every start")->excludes(once);
    command.add_flag("--uefi,--efi", args.efi, "Boot by UEFI instead of the legacy way");
    add_property_options(command, args.selection);
}

} // namespace

void add_boot_command(Cli& cli) {
    cli.command<Args>(cli.app(), "bootdev", "Choose what machines boot from", define, run_boot)
        ->group("Machines")
        ->footer(
            "none removes the choice. More devices: " +
            [] {
                std::vector<std::string> words = device_words();
                words.erase(words.begin(), words.begin() + 5);
                return join(words, ", ");
            }() +
            ".\n\nExamples:\n"
            "  vbmcctl bootdev n1 pxe\n"
            "  vbmcctl bootdev 'node*' disk --persistent --uefi"
        );
}

} // namespace vbmc::ctl
