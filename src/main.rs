//! The entry point of the program.

use std::process::ExitCode;

/// The global allocator. A sign-in or a frame is many small allocations, freed on other threads: mimalloc spends less
/// time on them than the system's. It asks for no huge pages, which nearly double the memory of an idle server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    belvedere::cli::main()
}
