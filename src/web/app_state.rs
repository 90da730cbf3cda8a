use std::sync::Arc;
use std::time::Duration;

use rocket::{Build, Rocket};
use tokio::sync::watch;
use url::Url;

use crate::accounts::LocalAccounts;
use crate::audit::AuditStore;
use crate::auth::{Auth, Digest, Guests, Refresh, Scripts};
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

/// The rooms below, as the web needs them.
pub struct AppState {
    /// Proves who someone is.
    pub auth: Arc<Auth>,
    /// The ways in for scripts.
    pub api_auth: Arc<Scripts>,
    /// How long API tokens last.
    pub token_settings: TokenSettings,
    /// Who is signed in.
    pub sessions: Sessions,
    /// The program's own accounts.
    pub accounts: LocalAccounts,
    /// Whether those of them that opted in may use Digest.
    pub digest_enabled: bool,
    /// What happened, to be searched.
    pub audit: AuditStore,
    /// Decides who sees what.
    pub page_store: Arc<PageStore>,
    /// Makes the boards move.
    pub hub: Arc<Hub>,
    /// The directories themselves, to be examined.
    pub directories: Arc<Directories>,
    /// Which of the groups that pages name are missing.
    pub groups: Arc<GroupWatch>,
    /// How the site presents itself.
    pub site: Arc<SiteSettings>,
    /// Who may see the admin page.
    pub admins: Audience,
    /// How requests reach this server.
    pub transport: Transport,
    /// Keeps the sessions true to the directory.
    pub session_refresher: Arc<Refresh>,
    /// How long a session may last.
    pub session_lifetime: Duration,
    /// How long somebody may ask to stay signed in.
    pub stay_signed_in: Option<Duration>,
    /// How long a session is good when the directory cannot be asked.
    pub session_stale_after: Duration,
    /// How long ago somebody may have proved who they are for what matters.
    pub recent_authentication: Duration,
    /// Whether a passkey alone may sign somebody in: whether anybody can be asked about its owner.
    pub passwordless: bool,
    /// Templates and static files.
    pub assets: Assets,
    /// The connections to this server, and how many there may be.
    pub connections: Connections,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Turns true when the server begins to shut down.
    pub shutdown: watch::Receiver<bool>,
    /// Whether the directory answers, asked at most once in a while.
    pub readiness: Readiness,
    /// The program's figures.
    pub metrics: Metrics,
    /// Who reads them without being an admin.
    pub metrics_settings: MetricsSettings,
}

/// How requests reach this server.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Whether browsers come by HTTPS: by Rocket's own TLS, or by a proxy at an `https://` public address.
    pub secure: bool,
    /// The address browsers use, when it is not the one in the request.
    pub public_url: Option<Url>,
    /// The proxies whose `X-Forwarded-For` says who asks.
    pub trusted_proxies: TrustedProxies,
}

/// Who may see the admin page.
pub(super) struct Admins(pub(super) Audience);

/// How long things may last.
pub(super) struct WebLimits {
    /// The life of a session's cookie; the session itself may end sooner.
    pub(super) session_lifetime: Duration,
    /// How long somebody may ask to stay signed in.
    pub(super) stay_signed_in: Option<Duration>,
    /// How long a session is good when the directory cannot be asked.
    pub(super) session_stale_after: Duration,
    /// How long a live connection goes on that a password opened: nobody asks about its person meanwhile.
    pub(super) password_connection_lifetime: Duration,
    /// How long API tokens last.
    pub(super) tokens: TokenSettings,
    /// How long ago somebody may have proved who they are for what matters.
    pub(super) recent_authentication: Duration,
    /// How long the body of a request may take.
    pub(super) body_timeout: Duration,
}

/// Whether a passkey alone may sign somebody in.
pub(super) struct Passwordless(pub(super) bool);

/// Turns true when the server begins to shut down.
pub(super) struct ShutdownSignal(pub(super) watch::Receiver<bool>);

/// The time.
pub(super) struct SharedClock(pub(super) Arc<dyn Clock>);

impl AppState {
    pub(super) fn manage(self, rocket: Rocket<Build>) -> Rocket<Build> {
        let examiner = DiagnosticsRunner::new(
            self.directories,
            Arc::clone(&self.page_store),
            self.admins.clone(),
            self.groups,
            Arc::clone(&self.clock),
        );
        let invitations = Guests::new(Arc::clone(&self.auth), self.accounts.clone());
        let digest = self.digest_enabled.then(|| Digest::new(Arc::clone(&self.auth), self.accounts.clone()));
        let limits = WebLimits {
            session_lifetime: self.session_lifetime,
            stay_signed_in: self.stay_signed_in,
            session_stale_after: self.session_stale_after,
            password_connection_lifetime: self.session_refresher.every(),
            tokens: self.token_settings,
            recent_authentication: self.recent_authentication,
            body_timeout: self.body_timeout,
        };
        rocket
            .manage(examiner)
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
