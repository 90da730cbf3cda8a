//! A member's own second factors: listing, setting up and removing them.

pub(super) mod app;
pub(super) mod list;
pub(super) mod passkeys;
pub(super) mod recovery;
