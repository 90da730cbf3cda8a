//! One's second factors: what there is, and setting it up and taking it away.

pub(super) mod app;
pub(super) mod list;
pub(super) mod passkeys;
pub(super) mod recovery;
