//! The views of the admin pages.

mod audit;
mod directory;
mod factors;
mod faults;
mod navigation;
mod nodes;
mod overview;
mod paging;
mod sessions;
mod tokens;

pub(in crate::web) use audit::{AuditForm, AuditView};
pub(in crate::web) use directory::{AdminDirectoryView, SessionRefreshView};
pub(in crate::web) use factors::FactorOwnersView;
pub(in crate::web) use faults::FaultsView;
pub(super) use navigation::AdminNavItem;
pub(in crate::web) use navigation::AdminPage;
pub(in crate::web) use nodes::NodesView;
pub(in crate::web) use overview::{AdminOverviewView, ProxyView};
pub(in crate::web) use paging::cut_to_page;
pub(in crate::web) use sessions::{AdminSessionsView, SessionsForm};
pub(in crate::web) use tokens::AdminTokensView;
