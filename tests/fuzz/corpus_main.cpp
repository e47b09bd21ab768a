// Runs a fuzz target over files and folders, once each: how the corpus is a plain test under any
// compiler. With no argument it runs the empty input only.

#include "base/bytes.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const vbmc::u8* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(int count, char** arguments) {
    std::vector<fs::path> files;
    for (int i = 1; i < count; ++i) {
        if (fs::is_directory(arguments[i])) {
            for (const fs::directory_entry& entry : fs::directory_iterator(arguments[i])) {
                files.push_back(entry.path());
            }
        } else {
            files.emplace_back(arguments[i]);
        }
    }
    return files;
}

} // namespace

int main(int count, char** arguments) {
    LLVMFuzzerTestOneInput(nullptr, 0);
    const std::vector<fs::path> files = files_of(count, arguments);
    for (const fs::path& path : files) {
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "cannot read %s\n", path.c_str());
            return 1;
        }
        const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
        std::fprintf(stderr, "%s\n", path.c_str()); // the last line names what broke
        const std::vector<vbmc::u8> bytes(text.begin(), text.end());
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
    std::printf("%zu inputs\n", files.size());
    return files.empty() && count > 1 ? 1 : 0;
}
