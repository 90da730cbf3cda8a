use serde::Serialize;

/// The sign-in form.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::web) struct SignInView {
    /// The page they came for.
    pub(in crate::web) page_title: Option<String>,
    /// The notice about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// The name they typed.
    pub(in crate::web) username: String,
    /// Examples of names, as they can be written here.
    pub(in crate::web) name_examples: Vec<String>,
    /// Whether a mail address will do.
    pub(in crate::web) takes_mail_address: bool,
    /// The address to go to afterwards.
    pub(in crate::web) next: String,
    /// The form's token.
    pub(in crate::web) csrf: String,
    /// Whether a passkey alone signs somebody in here.
    pub(in crate::web) passwordless: bool,
    /// For how long somebody may ask to stay signed in, in words.
    pub(in crate::web) stay_signed_in: Option<String>,
}

impl SignInView {
    /// The part of it that is the same for everybody who comes for that page; `None` of a form that says something to one of
    /// them.
    pub(in crate::web) fn shared(&self) -> Option<Self> {
        if self.notice.is_some() || !self.username.is_empty() {
            return None;
        }
        Some(Self { next: String::new(), csrf: String::new(), ..self.clone() })
    }
}

/// The form for a new password.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PasswordView {
    /// The notice about the last try, or why they are here.
    pub(in crate::web) notice: Option<Notice>,
    /// Whether they are signed in, so that the name is settled.
    pub(in crate::web) is_member: bool,
    /// Whether it is the password of a local account.
    pub(in crate::web) is_local: bool,
    /// The name whose password it is.
    pub(in crate::web) username: String,
    /// The address to go to afterwards.
    pub(in crate::web) next: String,
    /// The form's token.
    pub(in crate::web) csrf: String,
}

/// The form that asks a member for their password once more.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ReauthenticateView {
    /// The notice about the last try.
    pub(in crate::web) notice: Option<Notice>,
    /// Their name.
    pub(in crate::web) username: String,
    /// For how long they are not asked again: `15 min`.
    pub(in crate::web) valid_for: String,
    /// The address to go to afterwards.
    pub(in crate::web) next: String,
}

/// A notice above a form or a page.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct Notice {
    pub(in crate::web) tone: Tone,
    pub(in crate::web) text: String,
}

/// The severity of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Tone {
    Info,
    Warn,
    Bad,
}

/// The question before signing out, for those who came by the address, and the page after it.
#[derive(Debug, Serialize)]
pub(in crate::web) struct SignOutView {}
