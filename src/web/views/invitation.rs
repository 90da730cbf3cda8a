use serde::Serialize;

use super::auth::Notice;

/// The form that takes an invitation's code.
#[derive(Debug, Serialize)]
pub(in crate::web) struct InvitationView {
    /// The notice about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// The form's token.
    pub(in crate::web) csrf: String,
}

/// The form with which an invitation is accepted.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AcceptanceView {
    /// The notice about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// The name of the admin who invited them.
    pub(in crate::web) invited_by: String,
    /// The name that the guest will sign in with: `local\ann`.
    pub(in crate::web) username: String,
    /// Their mail address, with which they may sign in too.
    pub(in crate::web) mail: Option<String>,
    /// The guest's display name.
    pub(in crate::web) display_name: String,
    /// The least number of characters of a password.
    pub(in crate::web) min_length: usize,
    /// Whether a second factor comes next.
    pub(in crate::web) second_factor: bool,
    /// The code once more: the form's own, as it works once.
    pub(in crate::web) code: String,
    /// The form's token.
    pub(in crate::web) csrf: String,
}
