use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::PublicKeyCredentialDescriptor;
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::UserHandle64;
use webauthn_rp::request::register::{
    Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, Username,
};
use webauthn_rp::{
    DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions,
    RegistrationServerState,
};

use super::seal::{Purpose, Seal};
use super::{PasskeyRefusal, PasskeySite};
use crate::domain::Person;

/// An answer of an authenticator is one or two thousand characters; an RSA key makes it three.
const LONGEST_ANSWER: usize = 16 * 1024;

/// What a browser is asked, to hand to its authenticator.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The options, as WebAuthn's JSON has them (5.1.8 and 5.1.9).
    pub options: serde_json::Value,
    /// What this server must know when the answer comes, sealed for this browser. Nothing is kept here meanwhile, so nobody can
    /// fill anything by asking.
    pub sealed: String,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyAnswer<'a> {
    /// The authenticator's answer, as JSON.
    pub credential: &'a str,
    /// [`Asked::sealed`].
    pub sealed: &'a str,
}

impl PasskeyAnswer<'_> {
    pub(super) fn json(&self) -> Result<&[u8], PasskeyRefusal> {
        if self.credential.len() > LONGEST_ANSWER {
            return Err(PasskeyRefusal::Refused("the answer is too long".to_owned()));
        }
        Ok(self.credential.as_bytes())
    }

    pub(super) fn state<T>(&self, seal: &Seal, purpose: Purpose, whose: &[u8]) -> Result<T, PasskeyRefusal>
    where
        for<'a> T: Decode<Input<'a> = &'a [u8]>,
    {
        let sealed = URL_SAFE_NO_PAD.decode(self.sealed).map_err(|_| PasskeyRefusal::NotAsked)?;
        let state = seal.open(purpose, whose, &sealed).ok_or(PasskeyRefusal::NotAsked)?;
        T::decode(&state).map_err(|_| PasskeyRefusal::NotAsked)
    }
}

/// Asks for a new passkey: one that the authenticator keeps itself and shows a finger, a face or a PIN for, so that it can stand for
/// both factors. `known` are those that the person has.
pub(super) fn ask_for_a_new_one(
    seal: &Seal,
    site: &PasskeySite,
    person: &Person,
    handle: &UserHandle64,
    known: Vec<PublicKeyCredentialDescriptor<Vec<u8>>>,
    whose: &[u8],
) -> Result<Asked, PasskeyRefusal> {
    let name = person.qualified_name();
    let user = PublicKeyCredentialUserEntity {
        // Names that the standard does not allow there (RFC 8265) are no reason to have no passkey.
        name: Username::try_from(name.as_str()).or_else(|_| Username::try_from("member")).map_err(refused)?,
        id: handle,
        display_name: Nickname::try_from(person.display_name.as_str()).ok(),
    };
    let options = PublicKeyCredentialCreationOptions::passkey(&site.rp_id, user, known);
    let (state, client) = options.start_ceremony().map_err(refused)?;
    asked(seal, Purpose::Registration, whose, &state.encode().map_err(refused)?, &client)
}

/// Asks for a passkey, whoever's it will be.
pub(super) fn ask_for_any(seal: &Seal, site: &PasskeySite, whose: &[u8]) -> Result<Asked, PasskeyRefusal> {
    let (state, client) =
        DiscoverableCredentialRequestOptions::passkey(&site.rp_id).start_ceremony().map_err(refused)?;
    asked(seal, Purpose::Authentication, whose, &state.encode().map_err(refused)?, &client)
}

fn asked(
    seal: &Seal,
    purpose: Purpose,
    whose: &[u8],
    state: &[u8],
    client: &impl Serialize,
) -> Result<Asked, PasskeyRefusal> {
    let options = serde_json::to_value(client).map_err(refused)?;
    Ok(Asked { options, sealed: URL_SAFE_NO_PAD.encode(seal.close(purpose, whose, state)?) })
}

/// How strictly a new passkey's answer is read. What an authenticator says beyond what was asked is of no concern (WebAuthn, 7.1).
pub(super) fn for_new_ones<'a>(
    origins: &'a [&'a str],
) -> RegistrationVerificationOptions<'a, 'static, &'a str, &'static str> {
    RegistrationVerificationOptions {
        allowed_origins: origins,
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    }
}

/// The same for a passkey that is used (WebAuthn, 7.2).
pub(super) fn for_known_ones<'a>(
    origins: &'a [&'a str],
) -> AuthenticationVerificationOptions<'a, 'static, &'a str, &'static str> {
    AuthenticationVerificationOptions {
        allowed_origins: origins,
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    }
}

pub(super) type NewState = RegistrationServerState<64>;
pub(super) type AnyState = DiscoverableAuthenticationServerState;

pub(super) fn refused(error: impl ToString) -> PasskeyRefusal {
    PasskeyRefusal::Refused(error.to_string())
}
