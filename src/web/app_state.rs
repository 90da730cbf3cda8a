use std::convert::Infallible;
use std::sync::Arc;

use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};
use tokio::sync::watch;
use url::Url;

use crate::accounts::LocalAccounts;
use crate::audit::AuditTrail;
use crate::auth::{ApiAuth, Auth, Authenticator, Invitations, SessionRefresher};
use crate::config::{SessionSettings, Settings};
use crate::connections::Connections;
use crate::directory::{Directories, GroupWatch, Readiness};
use crate::domain::{Clock, TrustedProxies};
use crate::live::Hub;
use crate::nodes::Nodes;
use crate::pages::PageStore;
use crate::sessions::Sessions;
use crate::sources::PushInbox;
use crate::store::WritableProbe;
use crate::telemetry::Metrics;

use super::Assets;
use super::allowed_hosts::AllowedHosts;
use super::diagnostics_runner::DiagnosticsRunner;
use super::proxy_hints::ProxyHints;
use super::shared_pages::SharedPages;
use super::shown_once::{NewRecoveryCodes, NewTokens};

/// The web's managed state: handles of the rooms below, and the settings. Rocket manages this one value; a handler
/// names the piece that it needs by type, as `auth: &Auth`.
pub struct AppState {
    /// Authenticates people.
    pub auth: Arc<Auth>,
    /// Authenticates requests.
    pub authenticator: Authenticator,
    /// Issues tokens to scripts.
    pub api_auth: Arc<ApiAuth>,
    /// Accepts invitations to local accounts.
    pub invitations: Invitations,
    /// The sessions.
    pub sessions: Sessions,
    /// The program's own accounts.
    pub accounts: LocalAccounts,
    /// The audit records, to be searched.
    pub audit: AuditTrail,
    /// The pages, and who may open them.
    pub page_store: Arc<PageStore>,
    /// The live channels.
    pub hub: Arc<Hub>,
    /// The directories themselves, for diagnostics.
    pub directories: Arc<Directories>,
    /// Looks for groups that pages name and no directory has.
    pub groups: Arc<GroupWatch>,
    /// Takes what is pushed to sources.
    pub push_inbox: PushInbox,
    /// The servers of this site.
    pub nodes: Nodes,
    /// Runs the directories' diagnostics for the admin page.
    pub diagnostics_runner: DiagnosticsRunner,
    /// Refreshes the people of the sessions from the directory.
    pub session_refresher: Arc<SessionRefresher>,
    /// The settings.
    pub settings: Settings,
    /// How requests reach this server.
    pub transport: Transport,
    /// The log's hints at the settings that a proxy wants.
    pub proxy_hints: ProxyHints,
    /// Whether a passkey alone may sign somebody in: whether anybody can be asked about its owner.
    pub passwordless: bool,
    /// Templates and static files.
    pub assets: Assets,
    /// The connections to this server, and how many there may be.
    pub connections: Connections,
    /// The pages that are nearly the same for everybody.
    pub shared_pages: SharedPages,
    /// API tokens that were just made, for the pages that show them.
    pub new_tokens: NewTokens,
    /// Recovery codes that were just made, for the page that shows them.
    pub new_recovery_codes: NewRecoveryCodes,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Turns true when the server begins to shut down.
    pub shutdown: watch::Receiver<bool>,
    /// Whether the directory answers, checked at most once in a while.
    pub readiness: Readiness,
    /// Whether the state folder can be written, checked at most once in a while.
    pub writable_probe: WritableProbe,
    /// The program's metrics.
    pub metrics: Metrics,
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
    /// The hosts that requests may name.
    pub allowed_hosts: AllowedHosts,
}

impl AppState {
    /// The state of the server that got the request.
    #[expect(clippy::expect_used, reason = "`web::stage` manages it with the first route, and a sentinel checks that it did")]
    pub(super) fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.rocket().state().expect("the state is managed")
    }
}

/// Makes pieces of the state request guards. Without the state the launch stops (Rocket's sentinels).
macro_rules! pieces {
    ($($piece:ty = state$(.$field:ident)*;)*) => {$(
        #[rocket::async_trait]
        impl<'r> FromRequest<'r> for &'r $piece {
            type Error = Infallible;

            async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
                Outcome::Success(&AppState::of(request)$(.$field)*)
            }
        }

        impl Sentinel for &$piece {
            fn abort(rocket: &Rocket<Ignite>) -> bool {
                rocket.state::<AppState>().is_none()
            }
        }
    )*};
}

pieces! {
    AppState = state;
    ApiAuth = state.api_auth;
    Assets = state.assets;
    AuditTrail = state.audit;
    Auth = state.auth;
    DiagnosticsRunner = state.diagnostics_runner;
    Hub = state.hub;
    Invitations = state.invitations;
    LocalAccounts = state.accounts;
    Metrics = state.metrics;
    NewRecoveryCodes = state.new_recovery_codes;
    SharedPages = state.shared_pages;
    NewTokens = state.new_tokens;
    Nodes = state.nodes;
    PageStore = state.page_store;
    PushInbox = state.push_inbox;
    Readiness = state.readiness;
    SessionRefresher = state.session_refresher;
    Sessions = state.sessions;
    SessionSettings = state.settings.sessions;
    Transport = state.transport;
    WritableProbe = state.writable_probe;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use rocket::error::ErrorKind;

    use super::*;

    #[rocket::get("/")]
    fn handler(_auth: &Auth) {}

    #[rocket::async_test]
    async fn a_handler_that_needs_a_piece_of_the_state_does_not_start_without_it() {
        let rocket = rocket::custom(rocket::Config::debug_default()).mount("/", rocket::routes![handler]);
        let error = rocket.ignite().await.err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{error}");
    }
}
