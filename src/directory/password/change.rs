use ldap3::LdapResult;

use super::password_change::{PasswordChange, PasswordState};
use super::refusal::ChangeRefusal;
use super::{active_directory, password_modify};
use crate::config::{DirectoryKind, DirectoryServers, LdapScheme};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{AdDomain, DirectoryProfile, DirectoryRefusal, Operation, OperationFault, result_code};
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

    /// Changes a password, at the first server that can be reached. The old one is proved first, by a bind, so that
    /// nothing of an account is told before: until then every refusal is one of a sign-in. Once it has been sent, no other
    /// server is asked, whatever came of it.
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
            Err(refusal) if must_be_changed(&refusal) => Err(ChangeRefusal::NotHere {
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

    /// Changes a password on Active Directory over the service account's connection, so that those who may not bind until
    /// they have changed it can change it: that refusal comes of a right password alone.
    async fn change_as_service_account(
        &self,
        operation: &mut Operation,
        profile: &DirectoryProfile,
        username: &Username,
        change: &PasswordChange,
        old: &mut SingleUsePassword<'_>,
    ) -> Result<ChangeResult, OperationFault> {
        let (entry, candidate, mut service) = self.find_person(operation, profile, username).await?;
        let mut own = operation.acquire(&self.bind_pool).await?;
        let proved = match old.bind(profile, &mut own, &entry.dn, Some(&candidate)).await {
            Err(fault) if must_be_changed(&fault.refusal) => Ok(()),
            bound => bound,
        };
        operation.record_result(proved, &own)?;
        let answer = active_directory::change(&mut service, &entry.dn, change).await;
        let changed = judge_change(operation.record_result(answer, &service), active_directory::judge);
        Ok(changed.map(|()| candidate.id))
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
        let found = async {
            old.bind(profile, &mut own, &name, None).await?;
            self.refuse_foreign_domain(domain, &mut own, username).await?;
            let token = read_own_token(&mut own).await?;
            self.find_unique_entry(profile, &mut own, username, &token).await
        };
        let found = found.await;
        let entry = operation.record_result(found, &own)?;
        let answer = active_directory::change(&mut own, &entry.dn, change).await;
        let changed = judge_change(operation.record_result(answer, &own), active_directory::judge);
        Ok(changed.map(|()| person::person_id(&self.realm(), &entry)))
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
        let proved = match old.bind(profile, &mut own, &entry.dn, Some(&candidate)).await {
            // The bind stands, and allows just this.
            Err(fault) if fault.result_code == Some(result_code::SUCCESS) => Ok(()),
            bound => bound,
        };
        operation.record_result(proved, &own)?;
        let answer = password_modify::change(&mut own, profile.password_capabilities, change).await;
        let changed = judge_change(operation.record_result(answer, &own), password_modify::judge);
        Ok(changed.map(|()| candidate.id))
    }

    fn is_encrypted(&self) -> bool {
        let by_scheme = match &self.settings.servers {
            DirectoryServers::Listed(servers) => servers.iter().all(|server| server.scheme == LdapScheme::Ldaps),
            DirectoryServers::Discovered(discovery) => discovery.scheme == LdapScheme::Ldaps,
        };
        self.settings.start_tls || by_scheme
    }
}

/// Whether the old password was right, and opens nothing any more until it is changed.
fn must_be_changed(refusal: &DirectoryRefusal) -> bool {
    matches!(refusal, DirectoryRefusal::PasswordExpired | DirectoryRefusal::MustChangePassword)
}

/// Judges the answer to a change. Where none came, the directory may have made it.
fn judge_change(
    answer: Result<LdapResult, OperationFault>,
    judge: fn(&LdapResult) -> Result<(), ChangeRefusal>,
) -> Result<(), ChangeRefusal> {
    match answer {
        Ok(result) => judge(&result),
        Err(fault) => Err(ChangeRefusal::Unanswered { reason: fault.reason().unwrap_or_default().to_owned() }),
    }
}

/// Logs a change that the directory declined.
fn log_refusal(refusal: &ChangeRefusal) {
    let asked = "change-password";
    match refusal {
        ChangeRefusal::Unanswered { .. } | ChangeRefusal::OldPassword(DirectoryRefusal::Unreachable(_)) => {
            tracing::warn!(asked, %refusal, "a password was to be changed, and no clear answer came");
        }
        _ => tracing::info!(asked, %refusal, "the directory did not change a password"),
    }
}
