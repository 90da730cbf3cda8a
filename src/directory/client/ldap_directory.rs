use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::group_lookup_cache::GroupLookupCache;
use super::group_name_cache::GroupNameCache;
use super::lockout_policy_cache::LockoutPolicyCache;
use super::membership_cache::MembershipCache;
use crate::config::DirectorySettings;
use crate::directory::connection::{
    ConnectionPool, Dialler, DirectoryProfile, LdapConnection, Operation, OperationFault, PoolPurpose, ServerSet, SetUpError,
    TlsClient, set_up,
};
use crate::domain::{Clock, DirectoryName, Realm};
use crate::telemetry::{DirectoryMetrics, Metrics};

/// The interval at which idle and dead connections are closed.
const POOL_MAINTENANCE_INTERVAL: Duration = Duration::from_secs(30);

/// The LDAP client of one directory: Active Directory, or any other LDAPv3 server.
///
/// Connections are pooled: one pool for searches, with the service identity, and one in which passwords are proved, so
/// that nobody's credential is ever bound on a service connection. The directory's profile (its kind, base DN, domain)
/// is asked once and kept; names of groups are kept for some minutes. Waiting for a server goes by the machine's own
/// time, since a server answers in it; only what is kept ages by the [`Clock`].
pub struct LdapDirectory {
    name: Option<DirectoryName>,
    /// The names that the settings give an additional directory's domains, in lower case.
    pub(in crate::directory) domains: Vec<String>,
    pub(in crate::directory) settings: DirectorySettings,
    pub(in crate::directory) clock: Arc<dyn Clock>,
    pub(in crate::directory) metrics: DirectoryMetrics,
    pub(in crate::directory) dialler: Arc<Dialler>,
    pub(in crate::directory) servers: Arc<ServerSet>,
    /// Connections for searches: bound as the service account, or as nobody.
    pub(in crate::directory) search_pool: Arc<ConnectionPool>,
    /// Connections for proving passwords, and for what people read and do as themselves.
    pub(in crate::directory) bind_pool: Arc<ConnectionPool>,
    pub(in crate::directory) group_names: GroupNameCache,
    pub(in crate::directory) group_lookups: GroupLookupCache,
    pub(in crate::directory) lockout_policies: LockoutPolicyCache,
    pub(in crate::directory) membership_cache: MembershipCache,
    /// The domain's NetBIOS name, once it has been read.
    pub(in crate::directory) netbios_name: OnceLock<String>,
    profile: OnceLock<DirectoryProfile>,
    /// The task that removes stale connections; begins with the first operation.
    pool_maintenance: OnceLock<AbortOnDropHandle<()>>,
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

    /// The realm of its people and groups.
    pub(in crate::directory) fn realm(&self) -> Realm {
        Realm::of_directory(self.name())
    }

    /// Builds the client of one among several, whose people are told from the default one's by its name, and counts
    /// what it does.
    pub(in crate::directory) fn build(
        name: Option<DirectoryName>,
        domains: Vec<String>,
        settings: &DirectorySettings,
        clock: Arc<dyn Clock>,
        metrics: DirectoryMetrics,
    ) -> Result<Self, SetUpError> {
        set_up::check_settings(settings)?;
        let tls = TlsClient::new(settings)?;
        let dialler = Arc::new(Dialler::new(settings, tls, metrics.clone()));
        let servers = Arc::new(ServerSet::new(settings, Arc::clone(&dialler), Arc::clone(&clock), metrics.clone()));
        let pool =
            |purpose| Arc::new(ConnectionPool::new(settings.connections, Arc::clone(&servers), purpose, Arc::clone(&clock)));
        Ok(Self {
            name,
            domains,
            search_pool: pool(PoolPurpose::Search(settings.service_account.clone())),
            bind_pool: pool(PoolPurpose::Bind),
            dialler,
            servers,
            settings: settings.clone(),
            clock,
            metrics,
            group_names: GroupNameCache::default(),
            group_lookups: GroupLookupCache::default(),
            lockout_policies: LockoutPolicyCache::default(),
            membership_cache: MembershipCache::default(),
            netbios_name: OnceLock::new(),
            profile: OnceLock::new(),
            pool_maintenance: OnceLock::new(),
        })
    }

    /// The directory's profile, read over `connection` unless it is known. Those who come at once all ask: to wait for
    /// each other at a stalled server would add up its time-outs.
    pub(in crate::directory) async fn discover_profile(
        &self,
        connection: &mut LdapConnection,
    ) -> Result<&DirectoryProfile, OperationFault> {
        if let Some(profile) = self.profile.get() {
            return Ok(profile);
        }
        let profile = DirectoryProfile::discover(&self.settings, connection).await?;
        Ok(self.profile.get_or_init(|| profile))
    }

    /// The directory's profile, once it has been read.
    pub(in crate::directory) fn known_profile(&self) -> Option<&DirectoryProfile> {
        self.profile.get()
    }

    /// Starts the task that removes stale connections from the pools, unless it runs already.
    pub(super) fn start_pool_maintenance(&self) {
        self.pool_maintenance.get_or_init(|| {
            let pools = [Arc::downgrade(&self.search_pool), Arc::downgrade(&self.bind_pool)];
            let (clock, metrics) = (Arc::clone(&self.clock), self.metrics.clone());
            let name = self.name.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    for (pool, word) in pools.iter().zip(["search", "prove"]) {
                        let Some(pool) = pool.upgrade() else { return };
                        pool.remove_stale();
                        metrics.pool(word, &name, pool.size());
                    }
                    clock.sleep(POOL_MAINTENANCE_INTERVAL).await;
                }
            }))
        });
    }
    /// The name of the service account; `None` when people search as themselves.
    pub fn service_account(&self) -> Option<&str> {
        self.settings.service_account.as_ref().map(|account| account.name.as_str())
    }

    /// Whether there is a service account.
    pub fn has_service_account(&self) -> bool {
        self.settings.service_account.is_some()
    }

    /// Begins an operation, which has one deadline as a whole, however many servers and steps it takes.
    pub(in crate::directory) fn begin_operation(&self, name: &'static str) -> Operation {
        self.start_pool_maintenance();
        Operation::begin(name, self.settings.operation_timeout)
    }

    /// The directory's profile, asked of a server unless it is known.
    ///
    /// # Errors
    /// The fault of the last server tried.
    pub(in crate::directory) async fn profile(&self, operation: &mut Operation) -> Result<&DirectoryProfile, OperationFault> {
        if let Some(profile) = self.known_profile() {
            return Ok(profile);
        }
        loop {
            let mut connection = operation.acquire(&self.search_pool).await?;
            let answer = self.discover_profile(&mut connection).await;
            if let ControlFlow::Break(answer) = operation.finish_attempt(answer, &connection) {
                return answer;
            }
        }
    }
}
