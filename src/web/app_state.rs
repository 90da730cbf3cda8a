use std::sync::Arc;
use std::time::Duration;

use rocket::{Build, Rocket};
use tokio::sync::watch;
use url::Url;

use crate::accounts::LocalAccounts;
use crate::audit::AuditStore;
use crate::auth::{ApiAuth, Auth, DigestAuth, Invitations, SessionRefresher};
use crate::config::{MetricsSettings, SiteSettings, TokenSettings};
use crate::connections::Connections;
use crate::directory::{Directories, GroupWatch, Readiness};
use crate::domain::{Audience, Clock, TrustedProxies};
use crate::live::Hub;
use crate::pages::PageStore;
use crate::sessions::Sessions;
use crate::telemetry::Metrics;

use super::Assets;
use super::diagnostics_runner::DiagnosticsRunner;

/// The web's managed state: handles of the rooms below.
pub struct AppState {
    /// Authenticates people.
    pub auth: Arc<Auth>,
    /// Authenticates scripts.
    pub api_auth: Arc<ApiAuth>,
    /// How long API tokens last.
    pub token_settings: TokenSettings,
    /// The sessions.
    pub sessions: Sessions,
    /// The program's own accounts.
    pub accounts: LocalAccounts,
    /// Whether local accounts that opted in may use Digest.
    pub digest_enabled: bool,
    /// The audit records, to be searched.
    pub audit: AuditStore,
    /// The pages, and who may open them.
    pub page_store: Arc<PageStore>,
    /// The live channels.
    pub hub: Arc<Hub>,
    /// The directories themselves, for diagnostics.
    pub directories: Arc<Directories>,
    /// Looks for groups that pages name and no directory has.
    pub groups: Arc<GroupWatch>,
    /// The site's name and contact.
    pub site: Arc<SiteSettings>,
    /// The admins.
    pub admins: Audience,
    /// How requests reach this server.
    pub transport: Transport,
    /// Refreshes the people of the sessions from the directory.
    pub session_refresher: Arc<SessionRefresher>,
    /// How long a session may last.
    pub session_lifetime: Duration,
    /// How long somebody may ask to stay signed in.
    pub stay_signed_in: Option<Duration>,
    /// How long a session is valid while the directory cannot be reached.
    pub session_stale_after: Duration,
    /// How recent an authentication must be for sensitive actions.
    pub recent_authentication: Duration,
    /// Whether a passkey alone may sign somebody in: whether anybody can be asked about its owner.
    pub passwordless: bool,
    /// Templates and static files.
    pub assets: Assets,
    /// The connections to this server, and how many there may be.
    pub connections: Connections,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Turns true when the server begins to shut down.
    pub shutdown: watch::Receiver<bool>,
    /// Whether the directory answers, checked at most once in a while.
    pub readiness: Readiness,
    /// The program's metrics.
    pub metrics: Metrics,
    /// The token for reading the metrics without being an admin.
    pub metrics_settings: MetricsSettings,
}

/// How requests reach this server: HTTPS, the public address, proxies.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Whether browsers come by HTTPS: by Rocket's own TLS, or by a proxy at an `https://` public address.
    pub secure: bool,
    /// The address browsers use, when it is not the one in the request.
    pub public_url: Option<Url>,
    /// The proxies whose `X-Forwarded-For` names the client.
    pub trusted_proxies: TrustedProxies,
}

/// The people who may see the admin pages.
pub(super) struct Admins(pub(super) Audience);

/// How long sessions, tokens, connections and request bodies may last.
pub(super) struct WebLimits {
    /// The lifetime of a session's cookie; the session itself may end sooner.
    pub(super) session_lifetime: Duration,
    /// How long somebody may ask to stay signed in.
    pub(super) stay_signed_in: Option<Duration>,
    /// How long a session is valid while the directory cannot be reached.
    pub(super) session_stale_after: Duration,
    /// The lifetime of a live connection that a password opened: its person is not refreshed meanwhile.
    pub(super) password_connection_lifetime: Duration,
    /// How long API tokens last.
    pub(super) tokens: TokenSettings,
    /// How recent an authentication must be for sensitive actions.
    pub(super) recent_authentication: Duration,
    /// How long the body of a request may take.
    pub(super) body_timeout: Duration,
}

/// Whether a passkey alone may sign somebody in.
pub(super) struct Passwordless(pub(super) bool);

/// Turns true when the server begins to shut down.
pub(super) struct ShutdownSignal(pub(super) watch::Receiver<bool>);

/// The clock, as managed state.
pub(super) struct SharedClock(pub(super) Arc<dyn Clock>);

impl AppState {
    pub(super) fn manage(self, rocket: Rocket<Build>) -> Rocket<Build> {
        let runner = DiagnosticsRunner::new(
            self.directories,
            Arc::clone(&self.page_store),
            self.admins.clone(),
            self.groups,
            Arc::clone(&self.clock),
        );
        let invitations = Invitations::new(Arc::clone(&self.auth), self.accounts.clone());
        let digest = self.digest_enabled.then(|| DigestAuth::new(Arc::clone(&self.auth), self.accounts.clone()));
        let limits = WebLimits {
            session_lifetime: self.session_lifetime,
            stay_signed_in: self.stay_signed_in,
            session_stale_after: self.session_stale_after,
            password_connection_lifetime: self.session_refresher.interval(),
            tokens: self.token_settings,
            recent_authentication: self.recent_authentication,
            body_timeout: self.body_timeout,
        };
        rocket
            .manage(runner)
            .manage(invitations)
            .manage(digest)
            .manage(self.auth)
            .manage(self.sessions)
            .manage(self.accounts)
            .manage(self.audit)
            .manage(self.page_store)
            .manage(self.hub)
            .manage(self.site)
            .manage(Admins(self.admins))
            .manage(self.session_refresher)
            .manage(limits)
            .manage(self.api_auth)
            .manage(Passwordless(self.passwordless))
            .manage(self.transport)
            .manage(self.assets)
            .manage(SharedClock(self.clock))
            .manage(ShutdownSignal(self.shutdown))
            .manage(self.readiness)
            .manage(self.metrics)
            .manage(self.metrics_settings)
    }
}
