use serde::Serialize;

/// A page of the admin's office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum AdminPage {
    Overview,
    Sessions,
    Tokens,
    Factors,
    Audit,
    Accounts,
    Directory,
    Faults,
}

/// The office's pages in the order of its bar, each with its address and its name.
const ADMIN_PAGES: [(AdminPage, &str, &str); 8] = [
    (AdminPage::Overview, "/admin", "Overview"),
    (AdminPage::Sessions, "/admin/sessions", "Sessions"),
    (AdminPage::Tokens, "/admin/tokens", "API tokens"),
    (AdminPage::Factors, "/admin/factors", "Second factors"),
    (AdminPage::Audit, "/admin/audit", "Audit"),
    (AdminPage::Accounts, "/admin/accounts", "Local accounts"),
    (AdminPage::Directory, "/admin/directory", "Directory"),
    (AdminPage::Faults, "/admin/faults", "Page faults"),
];

/// A page in the office's bar.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminNavItem {
    href: &'static str,
    label: &'static str,
    current: bool,
}

impl AdminPage {
    /// The bar, as it looks from here.
    pub(in crate::web) fn navigation(self) -> Vec<AdminNavItem> {
        ADMIN_PAGES.iter().map(|(page, href, label)| AdminNavItem { href, label, current: *page == self }).collect()
    }
}
