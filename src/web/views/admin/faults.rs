use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use crate::config::DiagnosticReport;

/// The view of the faults in page files.
#[derive(Debug, Serialize)]
pub(in crate::web) struct FaultsView {
    navigation: Vec<AdminNavItem>,
    page_faults: Vec<DiagnosticReport>,
}

impl FaultsView {
    pub(in crate::web) fn of(page_faults: Vec<DiagnosticReport>) -> Self {
        Self { navigation: AdminPage::Faults.navigation(), page_faults }
    }
}
