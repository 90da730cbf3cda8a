//! Answers of a directory server during a sign-in, read by the whole client: nothing it says crashes the program, keeps a
//! visitor waiting, sends a password twice, or lets anybody in without a bind that succeeded.

#![no_main]

use std::panic::{PanicHookInfo, set_hook};
use std::sync::LazyLock;

use belvedere_fuzz::hostile;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

/// Its time stands still while anything is to be done, and otherwise jumps to the next deadline: nobody waits for one.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime"));

/// Ends the run at every panic but those of the LDAP crate, which the client contains.
static ONLY_THE_CRATE_PANICS: LazyLock<()> = LazyLock::new(|| {
    set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map_or("", |location| location.file());
        if !["/ldap3-", "/lber-"].iter().any(|library| place.contains(library)) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
});

fuzz_target!(|script: &[u8]| {
    LazyLock::force(&ONLY_THE_CRATE_PANICS);
    RUNTIME.block_on(hostile::sign_in(script)).must_be_sound();
});
