//! What the admin's office shows, page by page.

mod audit;
mod directory;
mod faults;
mod overview;
mod places;
mod sessions;

pub(in crate::web) use audit::{AuditForm, AuditView};
pub(in crate::web) use directory::AdminDirectoryView;
pub(in crate::web) use faults::FaultsView;
pub(in crate::web) use overview::AdminView;
pub(in crate::web) use sessions::{AdminSessionsView, SessionsForm};
