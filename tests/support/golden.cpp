#include "support/golden.h"

#include "support/model_client.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace vbmc::test {

namespace {

Golden load(const std::filesystem::path& path) {
    std::ifstream file(path);
    Golden golden;
    golden.name = path.stem().string();
    for (std::string line; std::getline(file, line);) {
        const std::size_t space = line.find(' ');
        if (line.empty() || space == std::string::npos) {
            throw std::runtime_error("bad line in " + golden.name + ": " + line);
        }
        const std::string key = line.substr(0, space);
        const std::string value = line.substr(space + 1);
        if (key == ">" || key == "<") {
            golden.packets.push_back({key == ">", from_hex(value)});
        } else if (key == "user") {
            golden.user = value;
        } else if (key == "password") {
            golden.password = value;
        } else if (key == "bmc_key") {
            golden.bmc_key = value;
        } else if (key == "suite") {
            golden.suite = static_cast<u8>(std::stoul(value));
        } else if (key != "#") {
            throw std::runtime_error("unknown key in " + golden.name + ": " + key);
        }
    }
    return golden;
}

} // namespace

std::vector<Golden> load_golden() {
    std::vector<Golden> all;
    for (const auto& entry : std::filesystem::directory_iterator(VBMC_GOLDEN_DIR)) {
        if (entry.path().extension() == ".txt") {
            all.push_back(load(entry.path()));
        }
    }
    std::sort(all.begin(), all.end(), [](const Golden& a, const Golden& b) {
        return a.name < b.name;
    });
    return all;
}

} // namespace vbmc::test
