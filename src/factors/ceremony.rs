use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::PublicKeyCredentialDescriptor;
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle64, Username,
};
use webauthn_rp::{
    DiscoverableAuthenticationServerState, DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions,
    RegistrationServerState,
};

use super::seal::{FactorSeal, SealPurpose};
use super::{PasskeyRefusal, RelyingParty};
use crate::domain::Person;

/// The longest response. An authenticator's is one or two thousand characters; an RSA key makes it three.
const MAX_RESPONSE_BYTES: usize = 16 * 1024;

/// The options of a WebAuthn ceremony for a browser, with the state to verify its response by.
#[derive(Clone, Debug, Serialize)]
pub struct PasskeyChallenge {
    /// The options as WebAuthn's JSON (5.1.8 and 5.1.9).
    pub options: serde_json::Value,
    /// The server's state, sealed for this browser. Nothing is kept here meanwhile, so nobody can fill any memory by starting
    /// ceremonies.
    pub sealed: String,
}

/// A browser's response to a challenge.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyResponse<'a> {
    /// The authenticator's response as JSON.
    pub credential: &'a str,
    /// [`PasskeyChallenge::sealed`].
    pub sealed: &'a str,
}

impl PasskeyResponse<'_> {
    pub(super) fn json(&self) -> Result<&[u8], PasskeyRefusal> {
        if self.credential.len() > MAX_RESPONSE_BYTES {
            return Err(PasskeyRefusal::InvalidResponse("the answer is too long".to_owned()));
        }
        Ok(self.credential.as_bytes())
    }

    pub(super) fn state<T>(&self, seal: &FactorSeal, purpose: SealPurpose, owner: &[u8]) -> Result<T, PasskeyRefusal>
    where
        for<'a> T: Decode<Input<'a> = &'a [u8]>,
    {
        let sealed = URL_SAFE_NO_PAD.decode(self.sealed).map_err(|_| PasskeyRefusal::UnknownChallenge)?;
        let state = seal.unseal(purpose, owner, &sealed).ok_or(PasskeyRefusal::UnknownChallenge)?;
        T::decode(&state).map_err(|_| PasskeyRefusal::UnknownChallenge)
    }
}

/// Starts the registration of a discoverable passkey that needs a finger, a face or a PIN, so that it can stand for both factors.
/// `existing` are those that the person has.
pub(super) fn start_registration(
    seal: &FactorSeal,
    site: &RelyingParty,
    person: &Person,
    handle: &UserHandle64,
    existing: Vec<PublicKeyCredentialDescriptor<Vec<u8>>>,
    owner: &[u8],
) -> Result<PasskeyChallenge, PasskeyRefusal> {
    let name = person.qualified_name();
    let user = PublicKeyCredentialUserEntity {
        // Names that the standard does not allow there (RFC 8265) are no reason to refuse a passkey.
        name: Username::try_from(name.as_str()).or_else(|_| Username::try_from("member")).map_err(invalid_response)?,
        id: handle,
        display_name: Nickname::try_from(person.display_name.as_str()).ok(),
    };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&site.rp_id, user, existing);
    // Whether the owner was verified is judged at each use; not all authenticators know how to promise it beforehand.
    options.extensions.cred_protect = CredProtect::None;
    let (state, client) = options.start_ceremony().map_err(invalid_response)?;
    seal_challenge(seal, SealPurpose::Registration, owner, &state.encode().map_err(invalid_response)?, &client)
}

/// Starts an authentication by any passkey that is registered here.
pub(super) fn start_authentication(
    seal: &FactorSeal,
    site: &RelyingParty,
    owner: &[u8],
) -> Result<PasskeyChallenge, PasskeyRefusal> {
    let (state, client) =
        DiscoverableCredentialRequestOptions::passkey(&site.rp_id).start_ceremony().map_err(invalid_response)?;
    seal_challenge(seal, SealPurpose::Authentication, owner, &state.encode().map_err(invalid_response)?, &client)
}

fn seal_challenge(
    seal: &FactorSeal,
    purpose: SealPurpose,
    owner: &[u8],
    state: &[u8],
    client: &impl Serialize,
) -> Result<PasskeyChallenge, PasskeyRefusal> {
    let options = serde_json::to_value(client).map_err(invalid_response)?;
    Ok(PasskeyChallenge { options, sealed: URL_SAFE_NO_PAD.encode(seal.seal(purpose, owner, state)?) })
}

/// The options for verifying a registration: unsolicited extensions are ignored (WebAuthn, 7.1).
pub(super) fn registration_options<'a>(
    origins: &'a [&'a str],
) -> RegistrationVerificationOptions<'a, 'static, &'a str, &'static str> {
    RegistrationVerificationOptions {
        allowed_origins: origins,
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    }
}

/// The options for verifying an authentication: unsolicited extensions are ignored (WebAuthn, 7.2).
pub(super) fn authentication_options<'a>(
    origins: &'a [&'a str],
) -> AuthenticationVerificationOptions<'a, 'static, &'a str, &'static str> {
    AuthenticationVerificationOptions {
        allowed_origins: origins,
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    }
}

pub(super) type RegistrationState = RegistrationServerState<64>;
pub(super) type AuthenticationState = DiscoverableAuthenticationServerState;

#[allow(clippy::needless_pass_by_value, reason = "a word for `map_err`, which gives it away")]
pub(super) fn invalid_response(error: impl ToString) -> PasskeyRefusal {
    PasskeyRefusal::InvalidResponse(error.to_string())
}
