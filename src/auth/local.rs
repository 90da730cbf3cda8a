use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::accounts::{
    AccountError, AccountId, ActionOrigin, InactiveReason, LocalAccount, LocalAccounts, PasswordCheck, PasswordRuleViolation,
};
use crate::directory::{
    AccountStatus, BindCandidate, BindGate, ChangeRefusal, Directory, DirectoryRefusal, GroupLookup, LockoutInfo,
    LockoutPolicy, PasswordChange, PasswordRule, PasswordState, RemovalReason, Unreachable,
};
use crate::domain::{
    Clock, Group, GroupId, GroupKey, GroupRef, NameForm, Password, Person, PersonId, Realm, Revalidation, Username,
};
use crate::store::StoreError;

/// The lockout policy of local accounts: they are never locked, the throttle's own limits hold guessers back.
pub(super) const NO_LOCKOUT: LockoutPolicy = LockoutPolicy { threshold: 0, window: Duration::ZERO };

/// The local accounts as a [`Directory`]: their owners sign in, are limited, refreshed and change their passwords in
/// the same way as everybody.
pub(super) struct LocalDirectory {
    accounts: LocalAccounts,
    clock: Arc<dyn Clock>,
}

impl LocalDirectory {
    pub(super) fn new(accounts: LocalAccounts, clock: Arc<dyn Clock>) -> Self {
        Self { accounts, clock }
    }

    /// Whether a sign-in with this name is for a local account: `local\name`, or an address of a domain that the settings name.
    /// No account's address decides it, so that nobody's name in the directory can be taken from them here.
    pub(super) fn handles(&self, username: &Username) -> bool {
        match username.form() {
            NameForm::Principal { suffix, .. } => self.accounts.is_mail_domain(suffix),
            NameForm::Bare(_) | NameForm::DownLevel { .. } => username.is_local(),
        }
    }

    /// The account of this name, if there is one.
    async fn find(&self, username: &Username) -> Result<Option<LocalAccount>, StoreError> {
        match username.form() {
            NameForm::DownLevel { name, .. } => match name.parse() {
                Ok(name) => self.accounts.by_name(&name).await,
                Err(_no_account_has_such_a_name) => Ok(None),
            },
            NameForm::Principal { .. } => match username.as_str().parse() {
                Ok(mail) => self.accounts.by_mail(&mail).await,
                Err(_no_account_has_such_an_address) => Ok(None),
            },
            NameForm::Bare(_) => Ok(None),
        }
    }

    /// Verifies a password, if the gate allows it. An unknown name takes as much computing as a wrong password.
    async fn authenticate(
        &self,
        username: &Username,
        password: &Password,
        gate: &dyn BindGate,
    ) -> Result<LocalAccount, DirectoryRefusal> {
        let account = self.find(username).await.map_err(|error| store_refusal(&error))?;
        if let Some(account) = &account {
            let candidate = BindCandidate::new(account.id.person_id(), Some(NO_LOCKOUT));
            gate.allow_bind(Some(&candidate)).await?;
        }
        let checked = self.accounts.check_password(account.as_ref(), password).await.map_err(|error| store_refusal(&error))?;
        let account = account.filter(|_| checked == PasswordCheck::Correct).ok_or(DirectoryRefusal::WrongCredentials)?;
        match account.inactive_reason(self.clock.now()) {
            None => Ok(account),
            Some(reason) => Err(reason.into()),
        }
    }

    async fn account_status(&self, person: &Person) -> Result<AccountStatus, StoreError> {
        let account = match AccountId::from_person_id(&person.id) {
            Some(id) => self.accounts.get(&id).await?,
            None => None,
        };
        let Some(account) = account else { return Ok(AccountStatus::Removed(RemovalReason::NotFound)) };
        Ok(match account.inactive_reason(self.clock.now()) {
            None => AccountStatus::Active(account.person()),
            Some(InactiveReason::Disabled) => AccountStatus::Removed(RemovalReason::Disabled),
            Some(InactiveReason::Expired) => AccountStatus::Removed(RemovalReason::AccountExpired),
        })
    }
}

#[async_trait]
impl Directory for LocalDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        Ok(self.authenticate(username, password, gate).await?.person())
    }

    /// Whether the store answers.
    async fn check_reachable(&self) -> Result<(), Unreachable> {
        self.accounts.prepare_dummy_hash().await.map_err(|error| store_unreachable(&error))
    }

    fn revalidation(&self, _person: &Person) -> Revalidation {
        Revalidation::Refreshed
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        let mut answers = Vec::with_capacity(people.len());
        for person in people {
            answers.push(self.account_status(person).await.map_err(|error| store_unreachable(&error)));
        }
        answers
    }

    fn realm_of(&self, _username: &Username) -> Realm {
        Realm::Local
    }

    fn lockout_info(&self, _username: &Username) -> LockoutInfo {
        LockoutInfo::new(Some(NO_LOCKOUT), true)
    }

    /// Whether a password in this state can be changed: local ones do not expire, and nobody must change theirs.
    fn can_change_password(&self, _username: &Username, state: PasswordState) -> bool {
        state == PasswordState::Good
    }

    fn password_warning(&self, _person: &Person) -> Duration {
        Duration::ZERO
    }

    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        Username::parse(&person.qualified_name()).ok()
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        let account = self.authenticate(username, &change.old, gate).await?;
        // Its owner did it: the audit log has an event of its own for that.
        let changed = self.accounts.set_password(&account.id, &change.new, ActionOrigin::Server).await;
        changed.map_err(|error| match error {
            AccountError::Password(broken) => {
                let rule = matches!(broken, PasswordRuleViolation::TooShort { .. }).then_some(PasswordRule::TooShort);
                ChangeRefusal::Policy { rule, message: Some(broken.to_string()) }
            }
            AccountError::Store(error) => store_refusal(&error).into(),
            // It was removed in between.
            _ => DirectoryRefusal::WrongCredentials.into(),
        })?;
        Ok(account.id.person_id())
    }

    /// The groups themselves: one of local accounts exists as soon as it is named.
    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        let found = |wanted: &GroupRef| {
            let found = match wanted.key() {
                GroupKey::Name(name) => {
                    let name = name.to_lowercase();
                    let id = GroupId::new(format!("{}{name}", AccountId::PREFIX));
                    vec![Group { id, name, dn: String::new(), shares_name: false }]
                }
                GroupKey::Dn(_) | GroupKey::Sid(_) => Vec::new(),
            };
            GroupLookup { wanted: wanted.clone(), found, suggestions: Vec::new(), note: None }
        };
        Ok(wanted.iter().map(found).collect())
    }
}

impl From<InactiveReason> for DirectoryRefusal {
    fn from(reason: InactiveReason) -> Self {
        match reason {
            InactiveReason::Disabled => Self::Disabled,
            InactiveReason::Expired => Self::AccountExpired,
        }
    }
}

/// The refusal when the store fails: no answer about the person, and no password was checked.
fn store_refusal(error: &StoreError) -> DirectoryRefusal {
    tracing::error!(%error, "local accounts cannot be asked");
    store_unreachable(error).into()
}

fn store_unreachable(error: &StoreError) -> Unreachable {
    Unreachable::new(error.to_string())
}
