#include "vbmcctl/manifest.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unordered_map>

namespace vbmc::ctl {

namespace {

namespace fs = std::filesystem;

Error unreadable(const std::string& path) {
    return Error(
        ErrorCode::invalid_argument,
        "MANIFEST_UNREADABLE",
        "cannot read " + path + ": " + std::strerror(errno)
    );
}

Manifest load_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    const std::string text(
        (std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()
    );
    if (!file.is_open() || file.bad()) {
        Manifest failed;
        failed.errors.push_back(unreadable(path));
        return failed;
    }
    return parse_manifest(text, path);
}

Manifest load_folder(const std::string& path) {
    Manifest all;
    std::vector<std::string> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
        const std::string extension = entry.path().extension().string();
        if (extension == ".yaml" || extension == ".yml" || extension == ".json") {
            files.push_back(entry.path().string());
        }
    }
    std::sort(files.begin(), files.end());
    if (error || files.empty()) {
        all.errors.emplace_back(
            ErrorCode::invalid_argument,
            "MANIFEST_UNREADABLE",
            error ? "cannot read " + path + ": " + error.message()
                  : path + " holds no *.yaml, *.yml or *.json"
        );
    }
    for (const std::string& file : files) {
        all.append(load_file(file));
    }
    return all;
}

void find_doubles(Manifest& manifest) {
    std::unordered_map<std::string_view, const ManifestNode*> seen;
    for (const ManifestNode& node : manifest.nodes) {
        const auto [before, fresh] = seen.emplace(node.name, &node);
        if (!fresh) {
            manifest.errors.emplace_back(
                ErrorCode::invalid_argument,
                "MANIFEST_INVALID",
                node.where("name") + ": node '" + node.name + "' is already at " +
                    before->second->where("name")
            );
        }
    }
}

Result<Secret> first_line(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string line;
    if (!file.is_open() || !std::getline(file, line)) {
        return errno == 0 ? Error(ErrorCode::invalid_argument, path + " is empty")
                          : unreadable(path);
    }
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    Secret secret(line);
    explicit_bzero(line.data(), line.size());
    return secret;
}

} // namespace

Manifest load_manifests(const std::vector<std::string>& paths) {
    Manifest all;
    for (const std::string& path : paths) {
        std::error_code ignored;
        if (path == "-") {
            const std::string text(
                (std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>()
            );
            all.append(parse_manifest(text, "<stdin>"));
        } else if (fs::is_directory(path, ignored)) {
            all.append(load_folder(path));
        } else {
            all.append(load_file(path));
        }
    }
    find_doubles(all);
    return all;
}

void read_password_files(Manifest& manifest) {
    // A range shares its users: each file is read once.
    std::unordered_map<std::string, Result<Secret>> read;
    for (const ManifestNode& node : manifest.nodes) {
        for (const ManifestUser& user : node.users) {
            const fs::path path = fs::path(node.file).parent_path() / user.password_file;
            if (!user.password_file.empty() && !read.contains(path.string())) {
                const Result<Secret> secret = first_line(path.string());
                if (!secret) {
                    manifest.errors.emplace_back(
                        ErrorCode::invalid_argument,
                        "MANIFEST_INVALID",
                        node.file + ":" + std::to_string(user.line) + ": " + secret.error().message
                    );
                }
                read.emplace(path.string(), secret);
            }
        }
    }
    for (ManifestNode& node : manifest.nodes) {
        for (ManifestUser& user : node.users) {
            const auto found =
                read.find((fs::path(node.file).parent_path() / user.password_file).string());
            if (!user.password_file.empty() && found != read.end() && found->second) {
                user.password = *found->second;
            }
        }
    }
}

} // namespace vbmc::ctl
