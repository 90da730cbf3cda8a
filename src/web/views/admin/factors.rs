use serde::Serialize;

use super::places::{Place, PlaceLink};
use crate::factors::Owner;
use crate::web::views::Said;

/// Who has second factors, for admins.
#[derive(Debug, Serialize)]
pub(in crate::web) struct OwnersView {
    places: Vec<PlaceLink>,
    said: Option<Said>,
    find: String,
    owners: Vec<OwnerView>,
    /// How many are shown at most.
    most: usize,
}

#[derive(Debug, Serialize)]
struct OwnerView {
    person: String,
    name: String,
    app: bool,
    passkeys: usize,
    recovery_codes: usize,
}

impl OwnersView {
    pub(in crate::web) fn of(owners: Vec<Owner>, find: &str, most: usize, said: Option<Said>) -> Self {
        let owner = |owner: Owner| OwnerView {
            person: owner.person.as_str().to_owned(),
            name: owner.name,
            app: owner.app,
            passkeys: owner.passkeys,
            recovery_codes: owner.recovery_codes,
        };
        Self {
            places: Place::Factors.bar(),
            said,
            find: find.to_owned(),
            owners: owners.into_iter().map(owner).collect(),
            most,
        }
    }
}
