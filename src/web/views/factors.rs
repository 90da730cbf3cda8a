use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::Timestamp;
use crate::factors::{AppEnrollment, EnrolledFactors, Passkey, PasskeysUnavailable};
use crate::web::links::Link;

use super::auth::{Notice, Tone};
use super::qr::{QrCodeImage, qr_code};

/// The form for the second step of a sign-in, or for a member whose factor counts no more.
#[derive(Debug, Serialize)]
pub(in crate::web) struct SecondStepView {
    pub(in crate::web) notice: Option<Notice>,
    /// Whether they are signed in, and only confirm that it is they.
    pub(in crate::web) is_member: bool,
    /// The person whom it is asked of.
    pub(in crate::web) name: String,
    /// The methods that they can use here.
    pub(in crate::web) methods: Vec<FactorMethod>,
    /// Why they cannot use a passkey, where they have one.
    pub(in crate::web) no_passkeys: Option<NoPasskeysView>,
    pub(in crate::web) next: String,
    pub(in crate::web) csrf: String,
}

/// A method for the second step.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum FactorMethod {
    App,
    Passkey,
    RecoveryCode,
}

/// The view of a member's own second factors.
#[derive(Debug, Serialize)]
pub(in crate::web) struct FactorsView {
    notice: Option<Notice>,
    /// Whether they must have one.
    required: bool,
    app: Option<AuthenticatorView>,
    passkeys: Vec<PasskeyView>,
    recovery_codes: usize,
    last_change: Option<FactorChangeView>,
    /// Whether this site takes passkeys at the address they came to.
    takes_passkeys: bool,
    no_passkeys: Option<NoPasskeysView>,
    /// Whether a passkey alone signs them in.
    passwordless: bool,
    /// The addresses for setting up an app and a passkey.
    app_href: Link,
    passkey_href: Link,
    /// The address to go on to, when they came from somewhere.
    next: String,
}

#[derive(Debug, Serialize)]
struct AuthenticatorView {
    since_ms: Timestamp,
    last_used_ms: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct PasskeyView {
    id: i64,
    name: String,
    since_ms: Timestamp,
    last_used_ms: Option<Timestamp>,
}

/// The last change to somebody's factors.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct FactorChangeView {
    description: String,
    at_ms: Timestamp,
}

/// The text about why there are no passkeys here, and where there are.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct NoPasskeysView {
    text: &'static str,
    href: Option<String>,
}

/// The form for setting up an authenticator app.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AuthenticatorSetupView {
    notice: Option<Notice>,
    qr_code: Option<QrCodeImage>,
    /// The seed, in groups of four.
    key: String,
    address: String,
    sealed: String,
    next: String,
}

/// The form for setting up a passkey.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PasskeySetupView {
    pub(in crate::web) notice: Option<Notice>,
    pub(in crate::web) next: String,
}

/// New recovery codes: shown once.
#[derive(Debug, Serialize)]
pub(in crate::web) struct RecoveryCodesView {
    notice: Notice,
    username: String,
    codes: Vec<String>,
    next: String,
}

impl FactorsView {
    pub(in crate::web) fn of(
        enrolled: EnrolledFactors,
        no_passkeys: Option<&PasskeysUnavailable>,
        passwordless: bool,
        required: bool,
        notice: Option<Notice>,
        next: String,
        href: impl Fn(&str) -> Link,
    ) -> Self {
        let passkey = |passkey: Passkey| PasskeyView {
            id: passkey.id.as_i64(),
            name: passkey.name,
            since_ms: passkey.created_at,
            last_used_ms: passkey.last_used_at,
        };
        Self {
            notice,
            required,
            app: enrolled.app.map(|(since_ms, last_used_ms)| AuthenticatorView { since_ms, last_used_ms }),
            recovery_codes: enrolled.recovery_codes,
            last_change: FactorChangeView::of(&enrolled),
            passkeys: enrolled.passkeys.into_iter().map(passkey).collect(),
            takes_passkeys: no_passkeys.is_none(),
            no_passkeys: no_passkeys.map(NoPasskeysView::of),
            passwordless,
            app_href: href("account/factors/app"),
            passkey_href: href("account/factors/passkeys"),
            next,
        }
    }
}

impl FactorChangeView {
    pub(in crate::web) fn of(enrolled: &EnrolledFactors) -> Option<Self> {
        let (description, at) = enrolled.changed.clone()?;
        Some(Self { description, at_ms: at })
    }
}

impl NoPasskeysView {
    pub(in crate::web) fn of(unavailable: &PasskeysUnavailable) -> Self {
        let text = |text| Self { text, href: None };
        match unavailable {
            PasskeysUnavailable::LoopbackAddress { instead } => Self {
                text: "Passkeys are bound to a name, and this address is a number. This site has one, too:",
                href: Some(instead.clone()),
            },
            PasskeysUnavailable::IpAddress => text(
                "Passkeys are bound to a name, and this site's public address is a number. An administrator can give it one.",
            ),
            PasskeysUnavailable::NotEncrypted => {
                text("Browsers make passkeys over HTTPS alone, and this site's public address is plain HTTP.")
            }
            PasskeysUnavailable::NoPublicUrl => text(
                "Passkeys are bound to the site's public address, which is not set. An administrator can set it \
                 (site.public_url in Rocket.toml).",
            ),
        }
    }
}

impl AuthenticatorSetupView {
    pub(in crate::web) fn of(offer: &AppEnrollment, notice: Option<Notice>, next: String) -> Self {
        Self {
            notice,
            qr_code: qr_code(&offer.otpauth_url),
            key: group_in_fours(&offer.base32_seed),
            address: offer.otpauth_url.to_string(),
            sealed: offer.sealed_seed.clone(),
            next,
        }
    }
}

impl RecoveryCodesView {
    pub(in crate::web) fn of(codes: &[Zeroizing<String>], notice: &str, username: String, next: String) -> Self {
        Self {
            notice: Notice { tone: Tone::Info, text: notice.to_owned() },
            username,
            codes: codes.iter().map(|code| code.to_string()).collect(),
            next,
        }
    }
}

/// Groups a key by four, `ABCD EFGH …`, which people copy without losing their place.
fn group_in_fours(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
