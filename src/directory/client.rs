use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::connection::Connection;
use super::dial::Dialler;
use super::fault::{Fault, Operation};
use super::groups::GroupNames;
use super::refresh::Agreed;
use super::root_dse::{self, Profile};
use super::servers::Servers;
use super::sign_in::OneBind;
use super::tls::Tls;
use super::{
    ChangeRefusal, Directory, GroupFinding, Leave, Lockout, PasswordChange, Refusal, SetUpError, Standing, Unreachable,
    refusal, set_up,
};
use crate::config::{DirectorySettings, ServerAddress};
use crate::domain::{Clock, DirectoryName, GroupRef, Password, Person, Upkeep, Username};

/// The LDAP client: Active Directory, or any other LDAPv3 server.
///
/// Connections are made for one sign-in and closed after it. What the servers are (their kind, base DN, domain) is
/// asked once and kept; names of groups are kept for some minutes. Waiting for a server goes by the machine's own
/// time, since a server answers in it; only what is kept ages by the [`Clock`].
pub struct LdapDirectory {
    name: Option<DirectoryName>,
    pub(super) settings: DirectorySettings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dialler: Dialler,
    pub(super) group_names: Arc<GroupNames>,
    pub(super) agreed: Agreed,
    /// The domain's NetBIOS name, once somebody signed in as `DOMAIN\name`; `None` inside when it may not be read.
    pub(super) netbios_name: OnceLock<Option<String>>,
    servers: Servers,
    profile: OnceLock<Profile>,
}

impl LdapDirectory {
    /// Builds the client: reads the CA file and checks what can be checked without dialling.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn new(settings: &DirectorySettings, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Self::build(None, settings, clock)
    }

    /// Builds the client of a further directory, whose people are told from the default one's by its name.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn named(name: DirectoryName, settings: &DirectorySettings, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Self::build(Some(name), settings, clock)
    }

    /// The directory's name; `None` for the default one.
    pub fn name(&self) -> Option<&DirectoryName> {
        self.name.as_ref()
    }

    fn build(
        name: Option<DirectoryName>,
        settings: &DirectorySettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetUpError> {
        set_up::check(settings)?;
        let tls = Tls::new(settings.ca_file.as_deref())?;
        Ok(Self {
            name,
            dialler: Dialler::new(settings, tls),
            servers: Servers::new(settings.servers.listed().to_vec()),
            settings: settings.clone(),
            clock,
            group_names: Arc::default(),
            agreed: Agreed::default(),
            netbios_name: OnceLock::new(),
            profile: OnceLock::new(),
        })
    }

    /// What the directory is, asked over `connection` until somebody has found out. Those who come at once all ask:
    /// to wait for each other at a stalled server would add up its time-outs.
    pub(super) async fn profile(&self, connection: &mut Connection) -> Result<&Profile, Fault> {
        if let Some(profile) = self.profile.get() {
            return Ok(profile);
        }
        let profile = Profile::discover(&self.settings, connection).await?;
        Ok(self.profile.get_or_init(|| profile))
    }

    /// The end of every question: notes failed servers and refusals in the log, each once.
    fn conclude<T>(asked: &'static str, started: Instant, outcome: Outcome<'_, T>) -> Result<T, Refusal> {
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Outcome { answer, server, passed_over } = outcome;
        let answered = answer.as_ref().err().is_none_or(|fault| fault.reason().is_none());
        if answered && !passed_over.is_empty() {
            let failed = passed_over.join("; ");
            tracing::warn!(asked, %server, failed, elapsed_ms, "a directory server failed, another answered");
        }
        match answer {
            Ok(answer) => Ok(answer),
            Err(Fault {
                refusal: Refusal::Unreachable(Unreachable { reason, password_sent }),
                operation,
                result_code,
                sub_code,
            }) => {
                let reason =
                    passed_over.into_iter().chain([format!("{server}: {reason}")]).collect::<Vec<_>>().join("; ");
                let sub_code = sub_code.map(|code| format!("{code:x}"));
                tracing::warn!(
                    asked, %server, %operation, result_code, sub_code, elapsed_ms, password_sent, reason,
                    "the directory cannot be reached"
                );
                Err(Refusal::Unreachable(Unreachable { reason, password_sent }))
            }
            Err(Fault { refusal, operation, result_code, sub_code }) => {
                let sub_code = sub_code.map(|code| format!("{code:x}"));
                tracing::info!(
                    asked, %server, %operation, result_code, sub_code, elapsed_ms, %refusal,
                    "the directory refused somebody"
                );
                Err(refusal)
            }
        }
    }
}

/// What came of asking one server after the other.
struct Outcome<'a, T> {
    answer: Result<T, Fault>,
    /// The server that gave it.
    server: &'a ServerAddress,
    /// Those before it, and what was wrong there.
    passed_over: Vec<String>,
}

#[async_trait]
impl Directory for LdapDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, leave: &dyn Leave) -> Result<Person, Refusal> {
        let started = Instant::now();
        let mut bind = OneBind::with(password, leave);
        let mut servers = self.servers.in_order().peekable();
        let mut passed_over = Vec::new();
        while let Some((place, server)) = servers.next() {
            let answer = self.sign_in_at(server, username, &mut bind).await;
            let answer = answer.map_err(|fault| fault.with_password_sent(bind.is_spent()));
            if let Err(fault) = &answer
                && let Some(reason) = fault.reason()
                && fault.another_server_may_help()
                && !bind.is_spent()
                && servers.peek().is_some()
            {
                passed_over.push(format!("{server}: {reason}"));
                continue;
            }
            if answer.as_ref().err().is_none_or(|fault| fault.reason().is_none()) {
                self.servers.answered(place);
            }
            return Self::conclude("sign-in", started, Outcome { answer, server, passed_over });
        }
        Err(Refusal::Unreachable(Unreachable { reason: SetUpError::NoServer.to_string(), password_sent: false }))
    }

    async fn reach(&self) -> Result<(), Unreachable> {
        let started = Instant::now();
        let mut passed_over = Vec::new();
        let mut servers = self.servers.in_order().peekable();
        while let Some((place, server)) = servers.next() {
            let answer = self.reach_at(server).await;
            match &answer {
                Ok(()) => self.servers.answered(place),
                Err(fault) if servers.peek().is_some() => {
                    passed_over.push(format!("{server}: {}", fault.reason().unwrap_or_default()));
                    continue;
                }
                Err(_) => {}
            }
            return Self::conclude("reach", started, Outcome { answer, server, passed_over }).map_err(|refusal| {
                match refusal {
                    Refusal::Unreachable(unreachable) => unreachable,
                    other => Unreachable { reason: other.to_string(), password_sent: false },
                }
            });
        }
        Err(Unreachable { reason: SetUpError::NoServer.to_string(), password_sent: false })
    }

    fn upkeep(&self, _person: &Person) -> Upkeep {
        if self.settings.service_account.is_some() { Upkeep::Refreshed } else { Upkeep::Unrefreshed }
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<Standing, Unreachable>> {
        self.refresh_people(people).await
    }

    fn lockout(&self, _username: &Username) -> Lockout {
        let is_ad = self.profile.get().is_none_or(|profile| profile.domain.is_some());
        Lockout { policy: None, shows_people: self.settings.service_account.is_some() || !is_ad }
    }

    fn changes_passwords(&self, _username: &Username) -> bool {
        self.settings.password_change
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        leave: &dyn Leave,
    ) -> Result<(), ChangeRefusal> {
        self.change(username, change, leave).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupFinding>, Unreachable> {
        self.find_all_groups(wanted).await
    }
}

/// What is asked over a service connection.
pub(super) type Question<'q, T> =
    &'q (dyn for<'a> Fn(&'a mut Connection, &'a Profile) -> BoxFuture<'a, Result<T, Fault>> + Send + Sync);

impl LdapDirectory {
    /// Asks a question with the service identity, of the next server when one fails. A question may be asked more than
    /// once; it must not change anything.
    ///
    /// # Errors
    /// [`Unreachable`], logged; also when there is no service account.
    pub(super) async fn ask<T>(&self, asked: &'static str, question: Question<'_, T>) -> Result<T, Unreachable> {
        let started = Instant::now();
        let mut servers = self.servers.in_order().peekable();
        let mut passed_over = Vec::new();
        while let Some((place, server)) = servers.next() {
            let answer = self.ask_at(server, question).await;
            if let Err(fault) = &answer
                && let Some(reason) = fault.reason()
                && fault.another_server_may_help()
                && servers.peek().is_some()
            {
                passed_over.push(format!("{server}: {reason}"));
                continue;
            }
            if answer.as_ref().err().is_none_or(|fault| fault.reason().is_none()) {
                self.servers.answered(place);
            }
            return Self::conclude(asked, started, Outcome { answer, server, passed_over }).map_err(|refusal| {
                match refusal {
                    Refusal::Unreachable(unreachable) => unreachable,
                    other => Unreachable { reason: other.to_string(), password_sent: false },
                }
            });
        }
        Err(Unreachable { reason: SetUpError::NoServer.to_string(), password_sent: false })
    }

    async fn ask_at<T>(&self, server: &ServerAddress, question: Question<'_, T>) -> Result<T, Fault> {
        let mut connection = self.dialler.dial(server).await?;
        let Some(account) = &self.settings.service_account else {
            return Err(Fault::unreachable(Operation::ServiceBind, "there is no service account: set bind_name"));
        };
        let profile = self.profile(&mut connection).await?;
        let result = connection.bind(Operation::ServiceBind, &account.name, &account.password).await?;
        refusal::judge_service_bind(&result)?;
        question(&mut connection, profile).await
    }

    /// Whether one server answers. Any well-formed answer counts but "busy" and "unavailable": a server that keeps
    /// its RootDSE from strangers is there.
    async fn reach_at(&self, server: &ServerAddress) -> Result<(), Fault> {
        let mut connection = self.dialler.dial(server).await?;
        match root_dse::read(&mut connection).await {
            Err(fault) if fault.another_server_may_help() => Err(fault),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
