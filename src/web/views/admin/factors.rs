use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use crate::factors::FactorOwner;
use crate::web::views::Notice;

/// The view of the people who have second factors, for admins.
#[derive(Debug, Serialize)]
pub(in crate::web) struct FactorOwnersView {
    navigation: Vec<AdminNavItem>,
    notice: Option<Notice>,
    find: String,
    owners: Vec<FactorOwnerView>,
    /// The most that are shown.
    limit: usize,
}

#[derive(Debug, Serialize)]
struct FactorOwnerView {
    person: String,
    name: String,
    app: bool,
    passkeys: usize,
    recovery_codes: usize,
}

impl FactorOwnersView {
    pub(in crate::web) fn of(owners: Vec<FactorOwner>, find: &str, limit: usize, notice: Option<Notice>) -> Self {
        let owner = |owner: FactorOwner| FactorOwnerView {
            person: owner.person.as_str().to_owned(),
            name: owner.name,
            app: owner.app,
            passkeys: owner.passkeys,
            recovery_codes: owner.recovery_codes,
        };
        Self {
            navigation: AdminPage::Factors.navigation(),
            notice,
            find: find.to_owned(),
            owners: owners.into_iter().map(owner).collect(),
            limit,
        }
    }
}
