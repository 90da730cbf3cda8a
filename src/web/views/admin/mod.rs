//! What the admin's office shows, page by page.

mod audit;
mod directory;
mod factors;
mod faults;
mod overview;
mod places;
mod sessions;
mod tokens;

pub(in crate::web) use audit::{AuditForm, AuditView};
pub(in crate::web) use directory::AdminDirectoryView;
pub(in crate::web) use factors::OwnersView;
pub(in crate::web) use faults::FaultsView;
pub(in crate::web) use overview::AdminView;
pub(super) use places::{Place, PlaceLink};
pub(in crate::web) use sessions::{AdminSessionsView, SessionsForm};
pub(in crate::web) use tokens::AdminTokensView;
