//! The front door.

use std::process::ExitCode;

/// A sign-in or a frame is many small pieces of memory, taken and given back on different threads: this allocator
/// spends less time on it than the system's. It asks for no huge pages, which nearly double what an idle server weighs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    belvedere::cli::main()
}
