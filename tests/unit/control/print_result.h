#pragma once
// Catch prints a Result as its error: what it holds has no text form.

#include "base/result.h"

#include <catch2/catch.hpp>

template <class T>
struct Catch::StringMaker<boost::system::result<T, vbmc::Error>> {
    static std::string convert(const boost::system::result<T, vbmc::Error>& result) {
        return result ? "a value" : "error: " + vbmc::describe(result.error());
    }
};
