# Compiler, warnings, sanitizers and hardening: one interface target that every target of ours links.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# With paths relative to the tree, every clone on a machine shares what was compiled once.
find_program(VBMC_CCACHE ccache)
if(VBMC_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
        ${VBMC_CCACHE}
    )
endif()

add_library(vbmc_options INTERFACE)
target_include_directories(vbmc_options INTERFACE ${PROJECT_SOURCE_DIR}/lib)
target_compile_options(
    vbmc_options
    INTERFACE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
              -Wall
              -Wextra
              -Wpedantic
              -Wconversion
              -Wshadow
              -Wold-style-cast
              -Wnon-virtual-dtor
)

find_program(VBMC_LLD ld.lld)
if(VBMC_LLD AND NOT VBMC_SANITIZE)
    target_link_options(vbmc_options INTERFACE -fuse-ld=lld)
endif()

if(VBMC_WERROR)
    target_compile_options(vbmc_options INTERFACE -Werror)
endif()

if(NOT CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_definitions(vbmc_options INTERFACE _GLIBCXX_ASSERTIONS)
else()
    # GCC 12 takes an empty std::optional's room for a value that is read, when it optimises; and
    # Asio's way to free a coroutine's frame for the wrong one, once it has inlined the allocation.
    target_compile_options(
        vbmc_options INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete
    )
endif()

if(VBMC_HARDEN)
    target_compile_options(vbmc_options INTERFACE -fstack-protector-strong -D_FORTIFY_SOURCE=3)
    target_link_options(vbmc_options INTERFACE -Wl,-z,relro,-z,now -pie)
endif()

if(VBMC_SANITIZE)
    target_compile_options(
        vbmc_options INTERFACE -fsanitize=${VBMC_SANITIZE} -fno-omit-frame-pointer
                               -fno-sanitize-recover=all
    )
    target_link_options(vbmc_options INTERFACE -fsanitize=${VBMC_SANITIZE})
endif()

if(VBMC_FUZZ)
    # Every object is instrumented; only the fuzz programs link libFuzzer's main.
    target_compile_options(
        vbmc_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                               -fno-sanitize-recover=all -O1 -g
    )
    target_link_options(vbmc_options INTERFACE -fsanitize=address,undefined)
endif()

if(VBMC_COVERAGE)
    target_compile_options(vbmc_options INTERFACE --coverage)
    target_link_options(vbmc_options INTERFACE --coverage)
endif()
