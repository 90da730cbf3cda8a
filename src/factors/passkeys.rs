use std::time::Duration;

use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::PublicKeyCredentialDescriptor;
use webauthn_rp::request::register::UserHandle64;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{AuthenticatedCredential, DiscoverableAuthentication64, Registration};

use super::ceremony::{self, AuthenticationState, RegistrationState, invalid_response};
use super::passkey_refusal::MAX_PASSKEYS;
use super::seal::SealPurpose;
use super::store::{FoundPasskey, PasskeyRecord};
use super::totp::seal_context;
use super::{Factors, PasskeyChallenge, PasskeyId, PasskeyRefusal, PasskeyResponse, RelyingParty};
use crate::domain::{Person, PersonId};
use crate::store::StoreError;

/// The longest name of a passkey that stays on one line.
const MAX_NAME_LENGTH: usize = 60;

/// The time for which a used challenge is remembered, longer than the five minutes in which it can be responded to.
const CHALLENGE_MEMORY: Duration = Duration::from_mins(15);

/// The static state of a credential, with its public key, by which responses are verified.
type CredentialState = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;

/// Passkeys.
impl Factors {
    /// Starts the registration of a new passkey; `browser` is the secret that the form is bound to.
    ///
    /// # Errors
    /// A [`PasskeyRefusal`], when they have too many or the store cannot be queried.
    pub async fn start_passkey_registration(
        &self,
        person: &Person,
        site: &RelyingParty,
        browser: &[u8],
    ) -> Result<PasskeyChallenge, PasskeyRefusal> {
        self.update_description(person).await?;
        let known = self.passkey_descriptors(&person.id).await?;
        let handle = self.store().person(&person.id).await?.map(|(_, handle)| UserHandle64::decode(handle));
        let Some(Ok(handle)) = handle else { return Err(self.store().damaged(&"somebody has no user handle").into()) };
        ceremony::start_registration(self.seal(), site, person, &handle, known, &seal_context(&person.id, browser))
    }

    /// Finishes the registration of a passkey, under the name that its owner gives it.
    ///
    /// # Errors
    /// A [`PasskeyRefusal`]; then nothing is stored.
    pub async fn finish_passkey_registration(
        &self,
        person: &Person,
        name: &str,
        site: &RelyingParty,
        browser: &[u8],
        response: PasskeyResponse<'_>,
    ) -> Result<PasskeyId, PasskeyRefusal> {
        let state: RegistrationState =
            response.state(self.seal(), SealPurpose::Registration, &seal_context(&person.id, browser))?;
        let registration = Registration::from_json_relaxed(response.json()?).map_err(invalid_response)?;
        let origins = [site.origin.as_str()];
        let passkey =
            state.verify(&site.rp_id, &registration, &ceremony::registration_options(&origins)).map_err(invalid_response)?;
        self.passkey_descriptors(&person.id).await?;
        let name = passkey_name(name);
        let record = PasskeyRecord {
            credential_id: passkey.id().as_ref().to_vec(),
            static_state: passkey.static_state().encode().map_err(invalid_response)?,
            dynamic_state: passkey.dynamic_state().encode().map_err(invalid_response)?.to_vec(),
            transports: i64::from(passkey.transports().encode().map_err(invalid_response)?),
        };
        let inserted = self.store().insert_passkey(&person.id, &name, &record, self.now()).await?;
        let inserted = inserted.ok_or(PasskeyRefusal::AlreadyRegistered)?;
        self.record_change(&person.id, &format!("the passkey “{name}” was added")).await?;
        Ok(inserted)
    }

    /// Removes one of somebody's passkeys and returns its name; `None` when they have none with that id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_passkey(&self, person: &PersonId, id: PasskeyId) -> Result<Option<String>, StoreError> {
        let name = self.store().remove_passkey(person, id).await?;
        if let Some(name) = &name {
            self.record_change(person, &format!("the passkey “{name}” was removed")).await?;
        }
        Ok(name)
    }

    /// Starts an authentication by any passkey registered here; `browser` is the secret that the form is bound to.
    ///
    /// # Errors
    /// A [`PasskeyRefusal`], when the system has no randomness to give.
    pub fn start_passkey_authentication(
        &self,
        site: &RelyingParty,
        browser: &[u8],
    ) -> Result<PasskeyChallenge, PasskeyRefusal> {
        ceremony::start_authentication(self.seal(), site, browser)
    }

    /// Finishes an authentication: verifies the response, which works once, and returns the passkey's owner as they were last
    /// described.
    ///
    /// # Errors
    /// A [`PasskeyRefusal`].
    pub async fn finish_passkey_authentication(
        &self,
        site: &RelyingParty,
        browser: &[u8],
        response: PasskeyResponse<'_>,
    ) -> Result<Person, PasskeyRefusal> {
        let state: AuthenticationState = response.state(self.seal(), SealPurpose::Authentication, browser)?;
        let authentication = DiscoverableAuthentication64::from_json_relaxed(response.json()?).map_err(invalid_response)?;
        let challenge = authentication.challenge_relaxed().map_err(invalid_response)?.0.to_be_bytes();
        let (raw_id, user_handle) = (authentication.raw_id(), authentication.response().user_handle());
        let found = self.store().find_passkey(raw_id.as_ref(), user_handle.as_ref()).await?;
        let FoundPasskey { id, static_state, dynamic_state, person } = found.ok_or(PasskeyRefusal::UnknownPasskey)?;
        let damaged = |error: &dyn ToString| PasskeyRefusal::from(self.store().damaged(error));
        let credential = CredentialState::decode(&static_state).map_err(|error| damaged(&error))?;
        let dynamic_state = dynamic_state.try_into().map_err(|_| damaged(&"a passkey's state has not 7 bytes"))?;
        let dynamic_state = DynamicState::decode(dynamic_state).map_err(|error| damaged(&error))?;
        let mut passkey =
            AuthenticatedCredential::new(raw_id, user_handle, credential, dynamic_state).map_err(|error| damaged(&error))?;
        let origins = [site.origin.as_str()];
        state
            .verify(&site.rp_id, &authentication, &mut passkey, &ceremony::authentication_options(&origins))
            .map_err(invalid_response)?;
        self.consume_challenge(challenge).await?;
        let dynamic_state = passkey.dynamic_state().encode().map_err(invalid_response)?;
        self.store().note_passkey_use(id, &dynamic_state, self.now()).await?;
        serde_json::from_str(&person).map_err(|error| damaged(&error))
    }

    /// Marks a challenge as used; an error when it was used before. Only owners of passkeys can fill this list.
    pub(super) async fn consume_challenge(&self, challenge: [u8; 16]) -> Result<(), PasskeyRefusal> {
        let now = self.now();
        let is_first = self.store().answer_challenge(&challenge, now + CHALLENGE_MEMORY, now).await?;
        if is_first { Ok(()) } else { Err(PasskeyRefusal::UnknownChallenge) }
    }

    /// The descriptors of somebody's passkeys, so that their browser makes no other on the same authenticator.
    async fn passkey_descriptors(
        &self,
        person: &PersonId,
    ) -> Result<Vec<PublicKeyCredentialDescriptor<Vec<u8>>>, PasskeyRefusal> {
        let rows = self.store().passkeys(person).await?;
        if rows.len() >= MAX_PASSKEYS {
            return Err(PasskeyRefusal::TooMany);
        }
        let read = |(id, transports): (Vec<u8>, i64)| {
            let id = CredentialId::decode(id).ok()?;
            let transports = AuthTransports::decode(u8::try_from(transports).ok()?).ok()?;
            Some(PublicKeyCredentialDescriptor { id, transports })
        };
        let known: Option<Vec<_>> = rows.into_iter().map(read).collect();
        known.ok_or_else(|| self.store().damaged(&"a passkey's id cannot be read").into())
    }
}

/// A passkey's name, on one line and not too long; a default where it is empty.
fn passkey_name(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME_LENGTH).collect();
    if name.is_empty() { "Passkey".to_owned() } else { name }
}
