use super::password_change::{PasswordChange, PasswordState};
use super::refusal::ChangeRefusal;
use super::{active_directory, password_modify};
use crate::config::{DirectoryKind, DirectoryServers, LdapScheme};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryProfile, DirectoryRefusal, Operation, OperationFault, OperationKind, result_code,
};
use crate::directory::people::{bind_name, person};
use crate::directory::sign_in::{BindGate, SingleUsePassword, advise_service_account, read_own_token};
use crate::domain::{PersonId, Username};

/// One server's answer to the change; whose password it was, when it was made.
type ChangeResult = Result<PersonId, ChangeRefusal>;

impl LdapDirectory {
    /// Whether a password in this state can be changed here, as far as is known without asking.
    pub(in crate::directory) fn allows_password_change(&self, state: PasswordState) -> bool {
        let known = self.known_profile();
        let is_ad = known.map_or(self.settings.kind != Some(DirectoryKind::Ldap), |known| known.domain.is_some());
        self.settings.password_change
            && match (is_ad, state) {
                (true, PasswordState::Good) => self.is_encrypted(),
                // Who cannot bind needs somebody else's connection.
                (true, _) => self.is_encrypted() && self.settings.service_account.is_some(),
                // The bind succeeds, and allows the change alone.
                (false, PasswordState::Good | PasswordState::MustChange) => {
                    known.is_none_or(|known| known.password_capabilities.supports_password_modify)
                }
                (false, PasswordState::Expired) => false,
            }
    }

    /// Changes a password, at the first server that can be reached. Once the old one has been sent, no other server is
    /// asked, whatever came of it.
    pub(in crate::directory) async fn run_password_change(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        if !self.settings.password_change {
            return Err(ChangeRefusal::NotHere { reason: "password_change is false" });
        }
        let mut operation = self.begin_operation("change-password");
        let mut old = SingleUsePassword::new(&change.old, gate);
        let answer = Box::pin(self.try_change(&mut operation, username, change, &mut old)).await;
        match operation.finish(answer.map_err(|fault| fault.with_password_fate(old.fate()))) {
            Ok(answer) => answer.inspect_err(log_refusal),
            Err(DirectoryRefusal::PasswordExpired | DirectoryRefusal::MustChangePassword) => Err(ChangeRefusal::NotHere {
                reason: "nobody may bind with the old password any more, right as it is: on Active Directory \
                         bind_name would let it be changed",
            }),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn try_change(
        &self,
        operation: &mut Operation,
        username: &Username,
        change: &PasswordChange,
        old: &mut SingleUsePassword<'_>,
    ) -> Result<ChangeResult, OperationFault> {
        let profile = self.profile(operation).await?;
        if let Some(reason) = self.obstacle(profile) {
            return Ok(Err(ChangeRefusal::NotHere { reason }));
        }
        match (&profile.domain, &self.settings.service_account) {
            (Some(_), Some(_)) => self.change_as_service_account(operation, profile, username, change, old).await,
            (Some(domain), None) => self.change_as_person(operation, profile, domain, username, change, old).await,
            (None, _) => self.change_by_modify_operation(operation, profile, username, change, old).await,
        }
    }

    /// The reason why nobody's password can be changed in this directory. Nothing of theirs has been sent to it.
    fn obstacle(&self, profile: &DirectoryProfile) -> Option<&'static str> {
        match &profile.domain {
            // MS-ADTS 3.1.1.3.1.5.1.
            Some(_) if !self.is_encrypted() => Some("Active Directory changes passwords only over an encrypted connection"),
            None if !profile.password_capabilities.supports_password_modify => {
                Some("the server does not offer the password modify operation (RFC 3062)")
            }
            _ => None,
        }
    }

    /// Changes a password on Active Directory over the service account's connection. The change proves itself by the
    /// old password, so those who may not bind until they have changed it can change it.
    async fn change_as_service_account(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        change: &PasswordChange,
        old: &mut SingleUsePassword<'_>,
    ) -> Result<ChangeResult, OperationFault> {
        // On the connection that has just found them: it is alive.
        let (entry, candidate, mut service) = self.find_person(operation, profile, username).await?;
        let changed = async {
            old.take(OperationKind::ChangePassword, Some(&candidate), service.deadline()).await?;
            let result = active_directory::change(&mut service, &entry.dn, change).await?;
            old.record_answer();
            Ok(result)
        };
        let result = changed.await;
        let result = operation.record_result(result, &service)?;
        Ok(active_directory::judge(&result).map(|()| candidate.id))
    }

    /// Changes a password on Active Directory without a service account: the person binds, and changes their own entry.
    async fn change_as_person(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        domain: &AdDomain,
        username: &Username,
        change: &PasswordChange,
        old: &mut SingleUsePassword<'_>,
    ) -> Result<ChangeResult, OperationFault> {
        let name = bind_name(domain, username)?;
        let mut own = operation.acquire(&self.bind_pool).await?;
        let changed = async {
            old.bind(profile, &mut own, &name, None).await?;
            self.refuse_foreign_domain(domain, &mut own, username).await?;
            let token = read_own_token(&mut own).await?;
            let entry = self.find_unique_entry(profile, &mut own, username, &token).await?;
            let result = active_directory::change(&mut own, &entry.dn, change).await?;
            Ok(active_directory::judge(&result).map(|()| person::person_id(&self.realm(), &entry)))
        };
        let answer = changed.await;
        operation.record_result(answer, &own)
    }

    /// Changes a password on another server (RFC 3062): a search finds the person, who binds and changes it on the
    /// connection of their own.
    async fn change_by_modify_operation(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        change: &PasswordChange,
        old: &mut SingleUsePassword<'_>,
    ) -> Result<ChangeResult, OperationFault> {
        let found = self.find_person(operation, profile, username).await;
        let anonymous = self.settings.service_account.is_none();
        let (entry, candidate, _) = found.map_err(|fault| if anonymous { advise_service_account(fault) } else { fault })?;
        let mut own = operation.acquire(&self.bind_pool).await?;
        let changed = async {
            match old.bind(profile, &mut own, &entry.dn, Some(&candidate)).await {
                // The bind stands, and allows just this.
                Err(fault) if fault.result_code == Some(result_code::SUCCESS) => {}
                bound => bound?,
            }
            let result = password_modify::change(&mut own, profile.password_capabilities, change).await?;
            Ok(password_modify::judge(&result).map(|()| candidate.id))
        };
        let answer = changed.await;
        operation.record_result(answer, &own)
    }

    fn is_encrypted(&self) -> bool {
        let by_scheme = match &self.settings.servers {
            DirectoryServers::Listed(servers) => servers.iter().all(|server| server.scheme == LdapScheme::Ldaps),
            DirectoryServers::Discovered(discovery) => discovery.scheme == LdapScheme::Ldaps,
        };
        self.settings.start_tls || by_scheme
    }
}

/// Logs a change that the directory declined.
fn log_refusal(refusal: &ChangeRefusal) {
    let asked = "change-password";
    if matches!(refusal, ChangeRefusal::OldPassword(DirectoryRefusal::Unreachable(_))) {
        tracing::warn!(asked, %refusal, "a password was sent, and no clear answer came");
    } else {
        tracing::info!(asked, %refusal, "the directory did not change a password");
    }
}
