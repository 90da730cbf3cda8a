//! The registry of source kinds.

use super::kind::SourceKind;

/// All kinds. A new one is its own file, which `mod.rs` declares, and its name here.
pub(super) static KINDS: &[SourceKind] = &[
    super::host::KIND,
    super::clock::KIND,
    super::http::KIND,
    super::push::KIND,
    super::prometheus::KIND,
    super::sql::KIND,
    super::file::KIND,
    super::command::KIND,
    super::probe::KIND,
];
