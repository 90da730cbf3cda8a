use rocket::form::FromForm;
use serde::Serialize;

use crate::accounts::{AccountGroup, AccountProfile, InactiveReason, Invitation, LocalAccount};
use crate::domain::{PersonId, Realm, Timestamp};

use super::admin::AdminNavItem;
use super::auth::Notice;

/// The view of local accounts, open invitations, and the form for another one.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AccountsView {
    /// The navigation of the admin pages.
    pub(in crate::web) navigation: Vec<AdminNavItem>,
    /// The notice about what was just done.
    pub(in crate::web) notice: Option<Notice>,
    /// The link of an invitation that was just made, shown this once.
    pub(in crate::web) link: Option<InvitationLinkView>,
    pub(in crate::web) accounts: Vec<AccountRow>,
    pub(in crate::web) invitations: Vec<InvitationRow>,
    /// The input of the form, when it was refused.
    pub(in crate::web) input: InvitationForm,
}

/// A link to hand to a guest.
#[derive(Debug, Serialize)]
pub(in crate::web) struct InvitationLinkView {
    pub(in crate::web) href: String,
    pub(in crate::web) username: String,
    pub(in crate::web) expires_ms: Timestamp,
}

/// The form that invites somebody, as it was typed.
#[derive(Debug, Default, FromForm, Serialize)]
pub(in crate::web) struct InvitationForm {
    #[field(default = String::new())]
    pub(in crate::web) name: String,
    #[field(default = String::new())]
    pub(in crate::web) display_name: String,
    #[field(default = String::new())]
    pub(in crate::web) mail: String,
    #[field(default = String::new())]
    pub(in crate::web) groups: String,
    #[field(default = String::new())]
    pub(in crate::web) expires: String,
    #[field(default = false)]
    pub(in crate::web) second_factor: bool,
}

/// The row of an account.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AccountRow {
    id: String,
    username: String,
    display_name: String,
    mail: Option<String>,
    groups: Vec<String>,
    created_ms: Timestamp,
    expires_ms: Option<Timestamp>,
    state: &'static str,
    state_label: &'static str,
    has_digest: bool,
    second_factor: bool,
    /// The actions on it. None on the admin's own: they cannot shut themselves out.
    actions: Vec<AccountActionView>,
}

/// A button for an action on an account.
#[derive(Clone, Copy, Debug, Serialize)]
struct AccountActionView {
    /// The last segment of the address that it sends to.
    path: &'static str,
    label: &'static str,
}

/// The row of an invitation that nobody has accepted.
#[derive(Debug, Serialize)]
pub(in crate::web) struct InvitationRow {
    id: i64,
    username: String,
    display_name: String,
    mail: Option<String>,
    groups: Vec<String>,
    invited_by: String,
    expires_ms: Timestamp,
    has_expired: bool,
}

impl AccountRow {
    pub(in crate::web) fn of(account: &LocalAccount, admin: &PersonId, now: Timestamp) -> Self {
        let inactive = account.inactive_reason(now);
        let (state, state_label) = match inactive {
            None => ("good", "open"),
            Some(InactiveReason::Disabled) => ("unknown", "disabled"),
            Some(InactiveReason::Expired) => ("unknown", "expired"),
        };
        Self {
            id: account.id.as_str().to_owned(),
            username: username(&account.profile),
            display_name: account.profile.display_name.clone(),
            mail: mail(&account.profile),
            groups: groups(&account.profile),
            created_ms: account.created_at,
            expires_ms: account.profile.expires_at,
            state,
            state_label,
            has_digest: account.has_digest,
            second_factor: account.profile.second_factor,
            actions: if account.id.person_id() == *admin { Vec::new() } else { actions(account) },
        }
    }
}

impl InvitationRow {
    pub(in crate::web) fn of(invitation: &Invitation, now: Timestamp) -> Self {
        Self {
            id: invitation.id,
            username: username(&invitation.profile),
            display_name: invitation.profile.display_name.clone(),
            mail: mail(&invitation.profile),
            groups: groups(&invitation.profile),
            invited_by: invitation.invited_by.clone(),
            expires_ms: invitation.expires_at,
            has_expired: now >= invitation.expires_at,
        }
    }
}

fn actions(account: &LocalAccount) -> Vec<AccountActionView> {
    const ENABLE: AccountActionView = AccountActionView { path: "enable", label: "Enable" };
    const DISABLE: AccountActionView = AccountActionView { path: "disable", label: "Disable" };
    const REMOVE: AccountActionView = AccountActionView { path: "remove", label: "Remove" };
    vec![if account.disabled_at.is_some() { ENABLE } else { DISABLE }, REMOVE]
}

/// The name as its owner types it, and as pages name it.
pub(in crate::web) fn username(profile: &AccountProfile) -> String {
    Realm::Local.qualify(profile.name.as_str())
}

fn mail(profile: &AccountProfile) -> Option<String> {
    profile.mail.as_ref().map(ToString::to_string)
}

fn groups(profile: &AccountProfile) -> Vec<String> {
    profile.groups.iter().map(|group: &AccountGroup| Realm::Local.qualify(group.as_str())).collect()
}
