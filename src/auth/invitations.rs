use std::sync::Arc;

use zeroize::Zeroizing;

use super::refused_attempt::invalid_password_word;
use super::sign_in::{Auth, SignedIn};
use super::timing_floor;
use crate::accounts::{
    AccountAction, AccountError, Invitation, InvitationCode, LocalAccount, LocalAccounts, PasswordRuleViolation,
};
use crate::audit::AuditEvent;
use crate::domain::{Client, InvalidPassword, Password, Username};
use crate::sessions::{SessionOptions, SessionToken};
use crate::store::StoreError;

/// The longest display name, in characters: as long as a directory's; a longer one would only break pages.
const MAX_DISPLAY_NAME_CHARS: usize = 256;

/// Finds and accepts invitations to local accounts.
pub struct Invitations {
    auth: Arc<Auth>,
    accounts: LocalAccounts,
}

/// The typed fields of an acceptance.
pub struct AcceptanceRequest {
    /// The code of the link.
    pub code: Zeroizing<String>,
    /// The guest's display name.
    pub display_name: String,
    /// The new password.
    pub new: Zeroizing<String>,
    /// The new password once more.
    pub new_repeated: Zeroizing<String>,
}

/// The outcome of an accepted invitation.
#[derive(Debug)]
pub struct AcceptedInvitation {
    /// The guest's new session.
    pub signed_in: SignedIn,
    /// Whether they must enrol a second factor now.
    pub second_factor_required: bool,
}

/// Why an invitation was not accepted, as its guest may know it.
#[derive(Debug, thiserror::Error)]
pub enum InvitationRefusal {
    /// The code is none, or was used, withdrawn, or has expired: all alike.
    #[error("there is no such invitation")]
    NoSuchInvitation,
    /// The display name is empty, too long, or has a control character.
    #[error("the name is empty, too long, or has a character that does not belong into one")]
    NotAName,
    /// There is no password.
    #[error("the password is empty")]
    Empty,
    /// The password was not typed the same both times.
    #[error("the password was not typed the same both times")]
    NotRepeated,
    /// The password is too long, or contains NUL.
    #[error("the password cannot be one")]
    NotAPassword,
    /// The password is against the rules.
    #[error(transparent)]
    Password(PasswordRuleViolation),
    /// The name or mail address has become somebody else's.
    #[error("{0}")]
    Taken(String),
    /// The store cannot be asked: this says nothing about the invitation.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Invitations {
    /// Creates it: accounts are made in `accounts`, guests signed in by `auth`.
    pub fn new(auth: Arc<Auth>, accounts: LocalAccounts) -> Self {
        Self { auth, accounts }
    }

    /// The open invitation with this code. An unknown code is answered as slowly as a refused sign-in.
    ///
    /// # Errors
    /// [`InvitationRefusal::NoSuchInvitation`], or the store's trouble.
    pub async fn find(&self, code: &str, client: &Client) -> Result<Invitation, InvitationRefusal> {
        let begun = self.auth.clock.now();
        let found = match code.parse::<InvitationCode>() {
            Ok(code) => self.accounts.invitation(&code).await?,
            Err(_it_is_none) => None,
        };
        if found.is_none() {
            timing_floor::wait(&*self.auth.clock, begun).await;
        }
        found.ok_or_else(|| self.audit_refusal(InvitationRefusal::NoSuchInvitation, client))
    }

    /// Accepts an invitation and signs its guest in. `previous` is the token that this browser sent: that session ends,
    /// as at a sign-in.
    ///
    /// # Errors
    /// [`InvitationRefusal`]; the invitation is then what it was.
    pub async fn accept(
        &self,
        request: AcceptanceRequest,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<AcceptedInvitation, InvitationRefusal> {
        let (begun, epoch) = (self.auth.clock.now(), self.auth.epochs.current().await?);
        match self.try_accept(request).await {
            Ok(account) => {
                let person = account.person();
                let event = AuditEvent::AccountAction {
                    act: AccountAction::Accepted.as_str(),
                    account: account.profile.name.as_str(),
                    by: Some(&person),
                };
                self.auth.audit.record(client, &event);
                let name = Username::parse(&person.qualified_name()).map_err(|_| InvitationRefusal::NotAName)?;
                let revalidation = self.auth.directory.revalidation(&person);
                let options = SessionOptions { epoch, ..SessionOptions::password_only(revalidation) };
                let signed_in = self.auth.begin_session(&name, &person, options, client, previous).await?;
                Ok(AcceptedInvitation { signed_in, second_factor_required: account.profile.second_factor })
            }
            Err(refusal) => {
                timing_floor::wait(&*self.auth.clock, begun).await;
                Err(self.audit_refusal(refusal, client))
            }
        }
    }

    async fn try_accept(&self, mut request: AcceptanceRequest) -> Result<LocalAccount, InvitationRefusal> {
        let code: InvitationCode = request.code.parse().map_err(|_| InvitationRefusal::NoSuchInvitation)?;
        let name = request.display_name.trim();
        if name.is_empty() || name.chars().count() > MAX_DISPLAY_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(InvitationRefusal::NotAName);
        }
        if request.new != request.new_repeated {
            return Err(InvitationRefusal::NotRepeated);
        }
        // Moved, not copied: no second copy is left behind.
        let password = Password::parse(std::mem::take(&mut *request.new)).map_err(|invalid| match invalid {
            InvalidPassword::Empty => InvitationRefusal::Empty,
            InvalidPassword::TooLong | InvalidPassword::Nul => InvitationRefusal::NotAPassword,
        })?;
        self.accounts.accept(&code, Some(name), &password).await.map_err(|error| match error {
            AccountError::Password(broken) => InvitationRefusal::Password(broken),
            AccountError::Store(error) => InvitationRefusal::Store(error),
            AccountError::Gone | AccountError::NoSuchAccount(_) => InvitationRefusal::NoSuchInvitation,
            taken @ (AccountError::NameTaken(_) | AccountError::MailTaken(_) | AccountError::TooMany(_)) => {
                InvitationRefusal::Taken(taken.to_string())
            }
        })
    }

    fn audit_refusal(&self, refusal: InvitationRefusal, client: &Client) -> InvitationRefusal {
        let reason = match &refusal {
            InvitationRefusal::NoSuchInvitation => "no-such-invitation",
            InvitationRefusal::NotAName => "name",
            InvitationRefusal::Empty => invalid_password_word(InvalidPassword::Empty),
            InvitationRefusal::NotRepeated => "new-not-repeated",
            InvitationRefusal::NotAPassword | InvitationRefusal::Password(_) => "password",
            InvitationRefusal::Taken(_) => "taken",
            InvitationRefusal::Store(_) => return refusal,
        };
        self.auth.audit.record(client, &AuditEvent::InvitationRefused { reason });
        refusal
    }
}
