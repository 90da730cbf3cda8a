use serde::Serialize;

/// A page of the admin's office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Place {
    Overview,
    Sessions,
    Audit,
    Directory,
    Faults,
}

/// The office's pages in the order of its bar, each with its address and its name.
const PLACES: [(Place, &str, &str); 5] = [
    (Place::Overview, "/admin", "Overview"),
    (Place::Sessions, "/admin/sessions", "Sessions"),
    (Place::Audit, "/admin/audit", "Audit"),
    (Place::Directory, "/admin/directory", "Directory"),
    (Place::Faults, "/admin/faults", "Page faults"),
];

/// A page in the office's bar.
#[derive(Debug, Serialize)]
pub(super) struct PlaceLink {
    href: &'static str,
    words: &'static str,
    current: bool,
}

impl Place {
    /// The bar, as it looks from here.
    pub(super) fn bar(self) -> Vec<PlaceLink> {
        PLACES.iter().map(|(place, href, words)| PlaceLink { href, words, current: *place == self }).collect()
    }
}
