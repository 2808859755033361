import Glibc

/// Whether this program carries a sanitizer's runtime, whose shadow memory is larger than any limit of address space.
package enum Sanitizer {
    /// True in builds for `make tsan` and `make asan`; never in a program that ships. May be read from any thread.
    package static let isPresent = dlsym(nil, "__tsan_init") != nil || dlsym(nil, "__asan_init") != nil
}
