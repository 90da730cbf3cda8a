use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::client::LdapDirectory;
use super::connection::{OperationFault, OperationKind};
use super::sign_in::SingleUsePassword;
use super::{
    AccountStatus, BindGate, ChangeRefusal, Directory, DirectoryRefusal, GroupLookup, LockoutInfo, PasswordChange,
    PasswordState, Unreachable,
};
use crate::domain::{GroupRef, Password, Person, PersonId, Realm, Revalidation, Username};

#[async_trait]
impl Directory for LdapDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        let mut operation = self.begin_operation("sign-in");
        let mut bind = SingleUsePassword::new(password, gate);
        let answer = self.try_sign_in(&mut operation, username, &mut bind).await;
        let answer = operation.finish(answer.map_err(|fault| fault.with_password_fate(bind.fate())));
        self.metrics.sign_in(answer.as_ref().map_or_else(DirectoryRefusal::word, |_| "ok"));
        answer
    }

    async fn check_reachable(&self) -> Result<(), Unreachable> {
        let operation = self.begin_operation("reach");
        let reached = timeout_at(operation.deadline, self.servers.check_reachable()).await;
        let too_late =
            || OperationFault::connection_failed(OperationKind::Dial, "no server answered in time (operation_timeout)");
        operation.finish_or_unreachable(reached.unwrap_or_else(|_| Err(too_late())))
    }

    /// A connection on which the service account is bound says enough.
    async fn check_ready(&self) -> Result<(), Unreachable> {
        self.check_reachable().await?;
        let has_bound = self.search_pool.size().open > 0 && !self.search_pool.is_refused();
        if has_bound { Ok(()) } else { self.check_service_account().await }
    }

    fn revalidation(&self, _person: &Person) -> Revalidation {
        if self.settings.service_account.is_some() { Revalidation::Refreshed } else { Revalidation::Unrefreshed }
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        let started = Instant::now();
        let answers = self.refresh_people(people).await;
        let is_news = |(answer, known): &(&Result<AccountStatus, Unreachable>, &Person)| match answer {
            Ok(AccountStatus::Active(person)) => person != *known,
            Ok(AccountStatus::Removed(_)) => true,
            Err(_) => false,
        };
        self.metrics.refresh(people.len(), answers.iter().zip(people).filter(is_news).count(), started.elapsed());
        answers
    }

    fn realm_of(&self, _username: &Username) -> Realm {
        self.realm()
    }

    fn lockout_info(&self, _username: &Username) -> LockoutInfo {
        self.known_lockout(self.known_profile())
    }

    fn can_change_password(&self, _username: &Username, state: PasswordState) -> bool {
        self.allows_password_change(state)
    }

    fn password_warning(&self, _person: &Person) -> Duration {
        self.settings.password_warning
    }

    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        Username::parse(&person.username).ok()
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        self.run_password_change(username, change, gate).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        self.lookup_groups(wanted).await
    }
}
