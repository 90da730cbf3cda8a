use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::local::LocalDirectory;
use crate::accounts::LocalAccounts;
use crate::directory::{
    AccountStatus, BindGate, ChangeRefusal, Directory, DirectoryRefusal, GroupLookup, LockoutInfo, PasswordChange,
    PasswordState, Unreachable,
};
use crate::domain::{Clock, GroupRef, Password, Person, PersonId, Realm, Revalidation, Username};

/// The directories and the local accounts as one [`Directory`]. A sign-in goes to one of the two, chosen by what was
/// typed, and never on to the other; what one of them cannot answer, the other is not asked. So a local account lets
/// its owner in when no directory answers.
pub struct CombinedDirectory {
    directories: Arc<dyn Directory>,
    local: LocalDirectory,
}

impl CombinedDirectory {
    /// Combines `directories` with `accounts`.
    pub fn new(directories: Arc<dyn Directory>, accounts: LocalAccounts, clock: Arc<dyn Clock>) -> Self {
        Self { directories, local: LocalDirectory::new(accounts, clock) }
    }

    fn for_name(&self, username: &Username) -> &dyn Directory {
        if self.local.handles(username) { &self.local } else { &*self.directories }
    }

    fn for_person(&self, person: &Person) -> &dyn Directory {
        if is_local(person) { &self.local } else { &*self.directories }
    }
}

fn is_local(person: &Person) -> bool {
    person.realm.is_local()
}

#[async_trait]
impl Directory for CombinedDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        self.for_name(username).sign_in(username, password, gate).await
    }

    /// Whether the directory can be reached: nearly everybody is in it.
    async fn check_reachable(&self) -> Result<(), Unreachable> {
        self.directories.check_reachable().await
    }

    async fn check_ready(&self) -> Result<(), Unreachable> {
        self.directories.check_ready().await
    }

    fn revalidation(&self, person: &Person) -> Revalidation {
        self.for_person(person).revalidation(person)
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        let (local, others): (Vec<_>, Vec<_>) = people.iter().cloned().partition(is_local);
        // No people, no request.
        let of_others = async { if others.is_empty() { Vec::new() } else { self.directories.refresh(&others).await } };
        let (of_local, of_others) = tokio::join!(self.local.refresh(&local), of_others);
        let (mut of_local, mut of_others) = (of_local.into_iter(), of_others.into_iter());
        let unanswered = || {
            let reason = "there was no answer about this person".to_owned();
            Err(Unreachable::new(reason))
        };
        let answer = |person| if is_local(person) { of_local.next() } else { of_others.next() };
        people.iter().map(answer).map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }

    fn hashes_password(&self, username: &Username) -> bool {
        self.local.handles(username)
    }

    fn realm_of(&self, username: &Username) -> Realm {
        self.for_name(username).realm_of(username)
    }

    fn lockout_info(&self, username: &Username) -> LockoutInfo {
        self.for_name(username).lockout_info(username)
    }

    fn can_change_password(&self, username: &Username, state: PasswordState) -> bool {
        self.for_name(username).can_change_password(username, state)
    }

    fn password_warning(&self, person: &Person) -> Duration {
        self.for_person(person).password_warning(person)
    }

    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        let name = self.for_person(person).sign_in_name(person)?;
        // Who is called `local\root` by a directory must not try the local account's password.
        (self.local.handles(&name) == person.realm.is_local()).then_some(name)
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        self.for_name(username).change_password(username, change, gate).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        let (local, others): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|group| group.realm().is_local());
        let mut of_local = self.local.find_groups(&local).await?.into_iter();
        let of_others = if others.is_empty() { Vec::new() } else { self.directories.find_groups(&others).await? };
        let mut of_others = of_others.into_iter();
        Ok(wanted
            .iter()
            .filter_map(|group| if group.realm().is_local() { of_local.next() } else { of_others.next() })
            .collect())
    }
}
