use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::connection::Connection;
use super::dial::Dialler;
use super::fault::{Fault, Operation};
use super::groups::{FoundGroups, GroupNames};
use super::lockout::LockoutPolicies;
use super::one_bind::OneBind;
use super::pool::{Pool, Purpose};
use super::refresh::Agreed;
use super::root_dse::Profile;
use super::servers::{Prober, ServerSet};
use super::tls::Tls;
use super::{
    ChangeRefusal, Directory, GroupFinding, Leave, Lockout, PasswordChange, PasswordState, Refusal, SetUpError,
    Standing, Unreachable, set_up,
};
use crate::config::DirectorySettings;
use crate::domain::{Clock, DirectoryName, GroupRef, Password, Person, PersonId, Revalidation, Username};
use crate::telemetry::{DirectoryMetrics, Metrics};

/// How often idle and dead connections are let go.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// The LDAP client: Active Directory, or any other LDAPv3 server.
///
/// Connections are kept for the next question: one pool for searches, with the service identity, and one in which
/// passwords are proved, so that nobody's credential is ever bound on a service connection. What the servers are (their
/// kind, base DN, domain) is asked once and kept; names of groups are kept for some minutes. Waiting for a server goes
/// by the machine's own time, since a server answers in it; only what is kept ages by the [`Clock`].
pub struct LdapDirectory {
    name: Option<DirectoryName>,
    /// The names that the settings give a further directory's domains, in lower case.
    pub(super) domains: Vec<String>,
    pub(super) settings: DirectorySettings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: DirectoryMetrics,
    pub(super) dialler: Arc<Dialler>,
    pub(super) servers: Arc<ServerSet>,
    /// For searches: bound as the service account, or as nobody.
    pub(super) searching: Arc<Pool>,
    /// For proving passwords, and for what people read and do as themselves.
    pub(super) proving: Arc<Pool>,
    pub(super) group_names: GroupNames,
    pub(super) found_groups: FoundGroups,
    pub(super) lockout_policies: LockoutPolicies,
    pub(super) agreed: Agreed,
    /// The domain's NetBIOS name, once it was read.
    pub(super) netbios_name: OnceLock<String>,
    profile: OnceLock<Profile>,
    /// Keeps the pools in order; begins with the first question.
    keeper: OnceLock<AbortOnDropHandle<()>>,
}

impl LdapDirectory {
    /// Builds the client: reads the CA file and checks what can be checked without dialling.
    ///
    /// # Errors
    /// [`SetUpError`], with the setting to correct.
    pub fn new(settings: &DirectorySettings, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Self::build(None, Vec::new(), settings, clock, Metrics::new().directory())
    }

    /// The directory's name; `None` for the default one.
    pub fn name(&self) -> Option<&DirectoryName> {
        self.name.as_ref()
    }

    /// Builds the client of one among several, whose people are told from the default one's by its name, and counts
    /// what it does.
    pub(super) fn build(
        name: Option<DirectoryName>,
        domains: Vec<String>,
        settings: &DirectorySettings,
        clock: Arc<dyn Clock>,
        metrics: DirectoryMetrics,
    ) -> Result<Self, SetUpError> {
        set_up::check(settings)?;
        let tls = Tls::new(settings.ca_file.as_deref())?;
        let dialler = Arc::new(Dialler::new(settings, tls, metrics.clone()));
        let prober = Prober {
            dialler: Arc::clone(&dialler),
            clock: Arc::clone(&clock),
            dial_timeout: settings.dial_timeout,
            metrics: metrics.clone(),
        };
        let servers = Arc::new(ServerSet::new(settings, Arc::new(prober)));
        let pool =
            |purpose| Arc::new(Pool::new(settings.connections, Arc::clone(&servers), purpose, Arc::clone(&clock)));
        Ok(Self {
            name,
            domains,
            searching: pool(Purpose::Search(settings.service_account.clone())),
            proving: pool(Purpose::Prove),
            dialler,
            servers,
            settings: settings.clone(),
            clock,
            metrics,
            group_names: GroupNames::default(),
            found_groups: FoundGroups::default(),
            lockout_policies: LockoutPolicies::default(),
            agreed: Agreed::default(),
            netbios_name: OnceLock::new(),
            profile: OnceLock::new(),
            keeper: OnceLock::new(),
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

    /// What the directory is, as far as anybody has found out.
    pub(super) fn known_profile(&self) -> Option<&Profile> {
        self.profile.get()
    }

    /// Sees to it that the pools are kept in order from the first question on.
    pub(super) fn keep_in_order(&self) {
        self.keeper.get_or_init(|| {
            let pools = [Arc::downgrade(&self.searching), Arc::downgrade(&self.proving)];
            let (clock, metrics) = (Arc::clone(&self.clock), self.metrics.clone());
            let name = self.name.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    for (pool, word) in pools.iter().zip(["search", "prove"]) {
                        let Some(pool) = pool.upgrade() else { return };
                        pool.tidy();
                        metrics.pool(word, &name, pool.size());
                    }
                    clock.sleep(TIDY_EVERY).await;
                }
            }))
        });
    }
}

#[async_trait]
impl Directory for LdapDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, leave: &dyn Leave) -> Result<Person, Refusal> {
        let mut inquiry = self.inquire("sign-in");
        let mut bind = OneBind::with(password, leave);
        let answer = self.try_sign_in(&mut inquiry, username, &mut bind).await;
        let answer = inquiry.conclude(answer.map_err(|fault| fault.with_password_sent(bind.is_spent())));
        self.metrics.sign_in(answer.as_ref().map_or_else(Refusal::word, |_| "ok"));
        answer
    }

    async fn reach(&self) -> Result<(), Unreachable> {
        let inquiry = self.inquire("reach");
        let reached = timeout_at(inquiry.deadline, self.servers.reach()).await;
        let too_late = || Fault::broken(Operation::Dial, "no server answered in time (operation_timeout)");
        inquiry.conclude_or_unreachable(reached.unwrap_or_else(|_| Err(too_late())))
    }

    fn upkeep(&self, _person: &Person) -> Revalidation {
        if self.settings.service_account.is_some() { Revalidation::Refreshed } else { Revalidation::Unrefreshed }
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<Standing, Unreachable>> {
        let started = Instant::now();
        let answers = self.refresh_people(people).await;
        let is_news = |(answer, known): &(&Result<Standing, Unreachable>, &Person)| match answer {
            Ok(Standing::Here(person)) => person != *known,
            Ok(Standing::Gone(_)) => true,
            Err(_) => false,
        };
        self.metrics.refresh(people.len(), answers.iter().zip(people).filter(is_news).count(), started.elapsed());
        answers
    }

    fn lockout(&self, _username: &Username) -> Lockout {
        self.known_lockout(self.known_profile())
    }

    fn changes_passwords(&self, _username: &Username, state: PasswordState) -> bool {
        self.can_change(state)
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
        leave: &dyn Leave,
    ) -> Result<PersonId, ChangeRefusal> {
        self.change(username, change, leave).await
    }

    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupFinding>, Unreachable> {
        self.find_all_groups(wanted).await
    }
}
