//! The real servers that the tests talk to.

pub(crate) mod certificates;
pub(crate) mod keeper;
pub(crate) mod samba;
pub(crate) mod slapd;
pub(crate) mod stalled;
