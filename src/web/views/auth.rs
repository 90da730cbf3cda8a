use serde::Serialize;

/// The sign-in form.
#[derive(Debug, Default, Serialize)]
pub(in crate::web) struct SignInView {
    /// The page they came for.
    pub(in crate::web) page_title: Option<String>,
    /// What is to be said about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// The name they typed.
    pub(in crate::web) username: String,
    /// Where to go afterwards.
    pub(in crate::web) next: String,
    /// The form's token.
    pub(in crate::web) csrf: String,
    /// Whether a passkey alone signs somebody in here.
    pub(in crate::web) passwordless: bool,
    /// For how long somebody may ask to stay signed in, in words.
    pub(in crate::web) stay_signed_in: Option<String>,
}

/// The form for a new password.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PasswordView {
    /// What is to be said about the last try, or why they are here.
    pub(in crate::web) notice: Option<Notice>,
    /// Whether they are signed in, so that the name is settled.
    pub(in crate::web) is_member: bool,
    /// Whether it is that of an account of the program's own.
    pub(in crate::web) is_local: bool,
    /// Whose password it is.
    pub(in crate::web) username: String,
    /// Where to go afterwards.
    pub(in crate::web) next: String,
    /// The form's token.
    pub(in crate::web) csrf: String,
}

/// The form that asks a member for their password once more.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ReauthenticateView {
    /// What is to be said about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// Their name.
    pub(in crate::web) username: String,
    /// For how long they are not asked again: `15 min`.
    pub(in crate::web) valid_for: String,
    /// Where to go afterwards.
    pub(in crate::web) next: String,
}

/// A sentence above a form.
#[derive(Debug, Serialize)]
pub(in crate::web) struct Notice {
    pub(in crate::web) tone: Tone,
    pub(in crate::web) text: String,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Tone {
    Info,
    Warn,
    Bad,
}

/// After signing out.
#[derive(Debug, Serialize)]
pub(in crate::web) struct SignedOutView {}

/// Before signing out, for those who came by the address.
#[derive(Debug, Serialize)]
pub(in crate::web) struct SignOutView {}
