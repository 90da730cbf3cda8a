use tokio::time::Instant;

use super::refusal::ChangeRefusal;
use super::{active_directory, modify_operation};
use crate::config::{DirectoryKind, Scheme, ServerAddress, Servers};
use crate::directory::client::Outcome;
use crate::directory::connection::Connection;
use crate::directory::fault::{Fault, Operation, rc};
use crate::directory::root_dse::{Domain, Profile};
use crate::directory::sign_in::{OneBind, ask_for_an_account, bind_name, candidate, own_token};
use crate::directory::{LdapDirectory, Leave, Refusal, SetUpError, Unreachable, person, refusal};
use crate::domain::{Password, PersonId, Username};

/// An old password and the one that is to take its place.
#[derive(Debug)]
pub struct PasswordChange {
    /// What it is now.
    pub old: Password,
    /// What it is to be.
    pub new: Password,
}

/// How a password stands that is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordState {
    /// It lets its owner in.
    Good,
    /// It has expired.
    Expired,
    /// It lets nobody in until it is changed.
    MustChange,
}

/// What one server said about the change; whose password it was, when it was made.
type Answer = Result<PersonId, ChangeRefusal>;

impl LdapDirectory {
    /// Whether a password that stands so can be changed here, as far as is known without asking.
    pub(in crate::directory) fn can_change(&self, state: PasswordState) -> bool {
        let known = self.profile.get();
        let is_ad = known.map_or(self.settings.kind != Some(DirectoryKind::Ldap), |known| known.domain.is_some());
        self.settings.password_change
            && match (is_ad, state) {
                (true, PasswordState::Good) => self.is_encrypted(),
                // Who cannot bind needs somebody else's connection.
                (true, _) => self.is_encrypted() && self.settings.service_account.is_some(),
                // The bind succeeds, and allows the change alone.
                (false, PasswordState::Good | PasswordState::MustChange) => {
                    known.is_none_or(|known| known.passwords.modify_operation)
                }
                (false, PasswordState::Expired) => false,
            }
    }

    /// Changes a password, at the first server that can be reached. Once the old one has been sent, no other server is
    /// asked, whatever came of it.
    pub(in crate::directory) async fn change(
        &self,
        username: &Username,
        change: &PasswordChange,
        leave: &dyn Leave,
    ) -> Result<PersonId, ChangeRefusal> {
        if !self.settings.password_change {
            return Err(ChangeRefusal::NotHere { reason: "password_change is false" });
        }
        let started = Instant::now();
        let mut old = OneBind::with(&change.old, leave);
        let mut passed_over = Vec::new();
        let mut servers = self.servers.in_order().peekable();
        while let Some((place, server)) = servers.next() {
            let answer = self.change_at(server, username, change, &mut old).await;
            let answer = answer.map_err(|fault| fault.with_password_sent(old.is_spent()));
            if let Err(fault) = &answer
                && let Some(reason) = fault.reason()
                && fault.another_server_may_help()
                && !old.is_spent()
                && servers.peek().is_some()
            {
                passed_over.push(format!("{server}: {reason}"));
                continue;
            }
            if answer.as_ref().err().is_none_or(|fault| fault.reason().is_none()) {
                self.servers.answered(place);
            }
            let concluded = Self::conclude("change-password", started, Outcome { answer, server, passed_over });
            return match concluded {
                Ok(answer) => answer.inspect_err(|refusal| note(server, refusal)),
                Err(Refusal::PasswordExpired | Refusal::MustChangePassword) => Err(ChangeRefusal::NotHere {
                    reason: "nobody may bind with the old password any more, right as it is: on Active Directory \
                             bind_name would let it be changed",
                }),
                Err(refusal) => Err(refusal.into()),
            };
        }
        Err(Refusal::Unreachable(Unreachable { reason: SetUpError::NoServer.to_string(), password_sent: false }).into())
    }

    /// The whole change at one server.
    async fn change_at(
        &self,
        server: &ServerAddress,
        username: &Username,
        change: &PasswordChange,
        old: &mut OneBind<'_>,
    ) -> Result<Answer, Fault> {
        let mut connection = self.dialler.dial(server).await?;
        let profile = self.profile(&mut connection).await?;
        if let Some(reason) = self.obstacle(server, profile) {
            return Ok(Err(ChangeRefusal::NotHere { reason }));
        }
        let account = self.settings.service_account.as_ref();
        if let Some(account) = account {
            let result = connection.bind(Operation::ServiceBind, &account.name, &account.password).await?;
            refusal::judge_service_bind(&result)?;
        }
        match &profile.domain {
            Some(domain) if account.is_some() => {
                self.change_for_them(profile, domain, connection, username, change, old).await
            }
            Some(domain) => self.change_as_themselves(profile, domain, connection, username, change, old).await,
            None => self.change_by_operation(server, profile, connection, username, change, old).await,
        }
    }

    /// Why nobody's password can be changed at this server. Nothing of theirs has been sent to it.
    fn obstacle(&self, server: &ServerAddress, profile: &Profile) -> Option<&'static str> {
        let encrypted = self.settings.start_tls || server.scheme == Scheme::Ldaps;
        match &profile.domain {
            // MS-ADTS 3.1.1.3.1.5.1.
            Some(_) if !encrypted => Some("Active Directory changes passwords only over an encrypted connection"),
            None if !profile.passwords.modify_operation => {
                Some("the server does not offer the password modify operation (RFC 3062)")
            }
            _ => None,
        }
    }

    /// Active Directory, with a service account: it sends the change, which proves itself by the old password. So those
    /// who may not bind until they have changed it can change it.
    async fn change_for_them(
        &self,
        profile: &Profile,
        domain: &Domain,
        mut service: Connection,
        username: &Username,
        change: &PasswordChange,
        old: &mut OneBind<'_>,
    ) -> Result<Answer, Fault> {
        self.refuse_foreign_domain(domain, &mut service, username).await?;
        let entry = self.find_one(profile, &mut service, username, &[]).await?;
        old.release(Operation::ChangePassword, Some(&candidate(&entry))).await?;
        let result = active_directory::change(&mut service, &entry.dn, change).await?;
        Ok(active_directory::judge(&result).map(|()| person::id(&entry)))
    }

    /// Active Directory without one: the person binds, and changes their own entry.
    async fn change_as_themselves(
        &self,
        profile: &Profile,
        domain: &Domain,
        mut own: Connection,
        username: &Username,
        change: &PasswordChange,
        old: &mut OneBind<'_>,
    ) -> Result<Answer, Fault> {
        let name = bind_name(domain, username)?;
        old.spend(profile, &mut own, &name, None).await?;
        self.refuse_foreign_domain(domain, &mut own, username).await?;
        let token = own_token(&mut own).await?;
        let entry = self.find_one(profile, &mut own, username, &token).await?;
        let result = active_directory::change(&mut own, &entry.dn, change).await?;
        Ok(active_directory::judge(&result).map(|()| person::id(&entry)))
    }

    /// Another server: whoever may search finds the person, who binds and changes it on the connection of their own.
    async fn change_by_operation(
        &self,
        server: &ServerAddress,
        profile: &Profile,
        mut searching: Connection,
        username: &Username,
        change: &PasswordChange,
        old: &mut OneBind<'_>,
    ) -> Result<Answer, Fault> {
        let found = self.find_one(profile, &mut searching, username, &[]).await;
        let anonymous = self.settings.service_account.is_none();
        let entry = found.map_err(|fault| if anonymous { ask_for_an_account(fault) } else { fault })?;
        drop(searching);
        let mut own = self.dialler.dial(server).await?;
        match old.spend(profile, &mut own, &entry.dn, Some(&candidate(&entry))).await {
            // The bind stands, and allows just this.
            Err(fault) if fault.result_code == Some(rc::SUCCESS) => {}
            bound => bound?,
        }
        let result = modify_operation::change(&mut own, profile.passwords, change).await?;
        Ok(modify_operation::judge(&result).map(|()| person::id(&entry)))
    }

    fn is_encrypted(&self) -> bool {
        let by_scheme = match &self.settings.servers {
            Servers::Listed(servers) => servers.iter().all(|server| server.scheme == Scheme::Ldaps),
            Servers::Discovered(discovery) => discovery.scheme == Scheme::Ldaps,
        };
        self.settings.start_tls || by_scheme
    }
}

/// A line in the log about a change that a server declined.
fn note(server: &ServerAddress, refusal: &ChangeRefusal) {
    if matches!(refusal, ChangeRefusal::Old(Refusal::Unreachable(_))) {
        tracing::warn!(asked = "change-password", %server, %refusal, "a password was sent, and no clear answer came");
    } else {
        tracing::info!(asked = "change-password", %server, %refusal, "the directory did not change a password");
    }
}
