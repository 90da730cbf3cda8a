use super::PasskeySignInRefusal;
use crate::audit::AuditEvent;
use crate::auth::sign_in::{Auth, SignedIn};
use crate::auth::timing_floor;
use crate::directory::{AccountStatus, Unreachable};
use crate::domain::{Client, Person, Revalidation};
use crate::factors::{PasskeyRefusal, PasskeyResponse, RelyingParty, VerifiedFactor};
use crate::sessions::{SessionOptions, SessionToken};

/// Passwordless sign-in with a passkey. It is both factors at once: the device that holds it, and the finger, face or
/// PIN that the device asks for.
impl Auth {
    /// Signs in the passkey's owner, if the directory says that they may now. `previous` is the token that this browser
    /// sent; that session ends.
    ///
    /// Nothing here can be guessed, and the directory is asked only after a valid passkey, so no limit is needed
    /// before.
    ///
    /// # Errors
    /// A [`PasskeySignInRefusal`].
    pub async fn sign_in_with_passkey(
        &self,
        site: &RelyingParty,
        browser: &[u8],
        response: PasskeyResponse<'_>,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, PasskeySignInRefusal> {
        let (begun, epoch) = (self.clock.now(), self.epochs.current().await?);
        let owner = match self.second_step.factors.finish_passkey_authentication(site, browser, response).await {
            Ok(owner) => owner,
            Err(refusal) => {
                let reason = refusal.as_str();
                let event = AuditEvent::SignInRefused { name: "", reason, directory_code: None, retry_after: None };
                self.audit.record(client, &event);
                if let PasskeyRefusal::InvalidResponse(why) = &refusal {
                    tracing::info!(why, "a passkey's answer was refused");
                }
                // One that is known takes longer to check.
                timing_floor::wait(&*self.clock, begun).await;
                return Err(refusal.into());
            }
        };
        let person = match self.reread_passkey_owner(&owner).await {
            Ok(person) => person,
            Err(refusal) => {
                let (name, reason) = (&owner.qualified_name(), refusal.as_str());
                self.audit.record(client, &AuditEvent::SignInRefused { name, reason, directory_code: None, retry_after: None });
                return Err(refusal);
            }
        };
        self.second_step.factors.update_description(&person).await?;
        self.audit.record(client, &AuditEvent::SecondFactorShown { person: &person, factor: VerifiedFactor::Passkey.as_str() });
        let options = SessionOptions {
            second_factor: true,
            epoch,
            ..SessionOptions::password_only(self.directory.revalidation(&person))
        };
        let name = self.directory.sign_in_name(&person).ok_or(PasskeySignInRefusal::NoServiceAccount)?;
        Ok(self.begin_session(&name, &person, options, client, previous).await?)
    }

    /// The person as the directory describes them now, if they may sign in.
    async fn reread_passkey_owner(&self, owner: &Person) -> Result<Person, PasskeySignInRefusal> {
        if self.directory.revalidation(owner) == Revalidation::Unrefreshed {
            return Err(PasskeySignInRefusal::NoServiceAccount);
        }
        let _place = self.enter_as(&owner.id).await?;
        match self.directory.refresh(std::slice::from_ref(owner)).await.into_iter().next() {
            Some(Ok(AccountStatus::Active(person))) => Ok(person),
            Some(Ok(AccountStatus::Removed(departure))) => Err(PasskeySignInRefusal::Removed(departure)),
            Some(Err(unreachable)) => Err(unreachable.into()),
            None => {
                let reason = "it gave no answer about one person".to_owned();
                Err(Unreachable::new(reason).into())
            }
        }
    }
}
