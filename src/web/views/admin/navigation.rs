use serde::Serialize;

use crate::web::links::Link;
/// A page for admins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum AdminPage {
    Overview,
    Sessions,
    Tokens,
    Factors,
    Audit,
    Accounts,
    Directory,
    Nodes,
    Faults,
}

/// The admin pages in the order of their navigation, each with its address and its name.
const ADMIN_PAGES: [(AdminPage, &str, &str); 9] = [
    (AdminPage::Overview, "admin", "Overview"),
    (AdminPage::Sessions, "admin/sessions", "Sessions"),
    (AdminPage::Tokens, "admin/tokens", "API tokens"),
    (AdminPage::Factors, "admin/factors", "Second factors"),
    (AdminPage::Audit, "admin/audit", "Audit"),
    (AdminPage::Accounts, "admin/accounts", "Local accounts"),
    (AdminPage::Directory, "admin/directory", "Directory"),
    (AdminPage::Nodes, "admin/nodes", "Nodes"),
    (AdminPage::Faults, "admin/faults", "Page faults"),
];

/// A page in the navigation.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminNavItem {
    href: Link,
    label: &'static str,
    current: bool,
}

impl AdminPage {
    /// The navigation, as it looks from this page.
    pub(in crate::web) fn navigation(self) -> Vec<AdminNavItem> {
        ADMIN_PAGES
            .iter()
            .map(|(page, path, label)| AdminNavItem { href: Link::to(path), label, current: *page == self })
            .collect()
    }
}
