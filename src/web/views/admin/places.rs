use serde::Serialize;

/// A page of the admin's office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Place {
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
const PLACES: [(Place, &str, &str); 8] = [
    (Place::Overview, "/admin", "Overview"),
    (Place::Sessions, "/admin/sessions", "Sessions"),
    (Place::Tokens, "/admin/tokens", "API tokens"),
    (Place::Factors, "/admin/factors", "Second factors"),
    (Place::Audit, "/admin/audit", "Audit"),
    (Place::Accounts, "/admin/accounts", "Local accounts"),
    (Place::Directory, "/admin/directory", "Directory"),
    (Place::Faults, "/admin/faults", "Page faults"),
];

/// A page in the office's bar.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PlaceLink {
    href: &'static str,
    words: &'static str,
    current: bool,
}

impl Place {
    /// The bar, as it looks from here.
    pub(in crate::web) fn bar(self) -> Vec<PlaceLink> {
        PLACES.iter().map(|(place, href, words)| PlaceLink { href, words, current: *place == self }).collect()
    }
}
