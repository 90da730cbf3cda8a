//! The server: builds all rooms, wires them, and serves requests until shutdown.

mod group_watch;
mod keys;
mod machine_names;
mod move_store;
mod page_audit;
mod shared_node;
mod start_error;
mod state_lock;
mod stores;
mod tasks;
mod work_leases;

pub(crate) use keys::load_keys;
use move_store::refuse_incomplete_folder;
pub(crate) use move_store::{MoveError, MoveTarget, move_store, refuse_moving_store};
pub use start_error::StartError;
pub(crate) use stores::StoreOpener;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Config, Ignite, Rocket, Shutdown};
use tokio::sync::{oneshot, watch};

use crate::audit::{Audit, AuditEvent, AuditWriter};
use crate::auth::{
    ApiAuth, Auth, Authenticator, CombinedDirectory, Invitations, JwtSigner, Keys, SchemeParts, SecondStep, SessionRefresher,
};
use crate::bus::Bus;
use crate::config::{self, Settings};
use crate::connections::Connections;
use crate::directory::{Directories, Directory, GroupWatch, Readiness};
use crate::domain::{Client, Clock};
use crate::feeds::{Feeds, FeedsArchive};
use crate::live::Hub;
use crate::nodes::Nodes;
use crate::pages::PageStore;
use crate::sources::{self, FilterWorkers, NamedSources, Sources};
use crate::store::WritableProbe;
use crate::telemetry::Metrics;
use crate::web::{
    self, AllowedHosts, AppState, Assets, DiagnosticsRunner, NewRecoveryCodes, NewTokens, ProxyHints, SharedPages, Transport,
    site_path,
};
use keys::{derive_keys, with_secret_key};
use machine_names::machine_names;
use shared_node::SharedNode;
use state_lock::StateLock;
use stores::Stores;
use tasks::Tasks;
use work_leases::WorkLeases;

/// A configured server, not yet listening.
pub struct Server {
    rocket: Rocket<rocket::Build>,
    stores: Stores,
    auth: Arc<Auth>,
    /// `None` where this server is alone.
    node: Option<SharedNode>,
    tasks: Tasks,
    hub: Arc<Hub>,
    bus: Option<Bus>,
    audit: Audit,
    audit_writer: AuditWriter,
    state_lock: StateLock,
}

/// The longest time for live connections to close after the server has stopped listening.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// A listening server.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The address it listens on.
    pub address: SocketAddr,
    /// Whether it speaks HTTPS.
    pub tls: bool,
    /// The handle that stops it.
    pub shutdown: Shutdown,
}

impl Server {
    /// Builds every room and wires them. Filters run on `filters`.
    ///
    /// # Errors
    /// [`StartError`] when a setting is faulty, or something that must be there is not.
    pub async fn build(figment: Figment, clock: Arc<dyn Clock>, filters: FilterWorkers) -> Result<Self, StartError> {
        let (settings, named_sources) = sources::read_settings(&figment)?;
        config::open_state_folder(&settings.state)?;
        let figment = with_secret_key(figment, &settings)?;
        let state_lock = StateLock::acquire(&settings.state)?;

        let metrics = Metrics::new();
        let keys = derive_keys(&figment)?;
        let bus = open_bus(&settings, &keys, &metrics, &clock)?;
        let sources = Arc::new(Sources::open(&named_sources, &clock, &Arc::new(filters))?);
        log_exposed_sources(&named_sources);

        let directories = Arc::new(Directories::with_metrics(&settings, &clock, &metrics.directory())?);
        refuse_incomplete_folder(&settings)?;
        let stores = Stores::open(&settings, &keys, sources.push_endpoints(), &clock).await?;
        let node = SharedNode::join(stores.news.as_ref(), &keys, &clock).await?;
        let leases = node.as_ref().map_or_else(WorkLeases::always_held, SharedNode::leases);
        let archive = FeedsArchive { archive: stores.history.clone(), lease: leases.history.clone() };
        let (page_store, hub) = open_pages(&settings, &sources, &metrics, &clock, bus.clone(), archive)?;
        let directory: Arc<dyn Directory> = Arc::new(CombinedDirectory::new(
            Arc::clone(&directories) as Arc<dyn Directory>,
            stores.accounts.clone(),
            Arc::clone(&clock),
        ));
        let groups = Arc::new(GroupWatch::new(Arc::clone(&directory), Arc::clone(&clock)));
        let readiness = Readiness::new(Arc::clone(&directory), Arc::clone(&clock));
        let second_step = SecondStep::new(stores.factors.clone(), settings.second_factor.remember);
        let (audit, audit_writer) = Audit::with_trail(stores.audit.clone(), metrics.audit(), Arc::clone(&clock));
        let (sessions, tokens) = (stores.sessions.clone(), stores.tokens.clone());
        let signer =
            JwtSigner::open(tokens.clone(), &keys, settings.jwt.clone(), settings.site.issuer(), Arc::clone(&clock)).await?;
        let auth = Auth::new(Arc::clone(&directory), stores.of_auth(), second_step, audit.clone(), Arc::clone(&clock), keys);
        let auth = auth.with_credential_cache(settings.basic.remember).with_tokens(tokens.clone());
        let short_lived = node.as_ref().map(SharedNode::short_lived);
        let auth = Arc::new(auth.with_short_lived(short_lived));
        let session_refresher =
            SessionRefresher::new(directory, sessions.clone(), audit.clone(), Arc::clone(&clock), settings.sessions.refresh);
        let session_refresher = session_refresher.with_tokens(tokens.clone()).with_epochs(&auth);
        let session_refresher = Arc::new(session_refresher.with_lease(leases.refresh.clone()));
        let api_auth = Arc::new(ApiAuth::new(Arc::clone(&auth), tokens, signer));
        log_unrefreshed_directories(&settings);

        let assets = Assets::for_this_build(settings.overlay.as_deref(), &settings.site.theme);
        // Where Rocket itself looks for templates: the source tree in debug builds, which it watches; otherwise a
        // folder that is there and has none, since ours come from the binary.
        let templates = assets.watched_templates().unwrap_or_else(|| settings.state.clone());
        let figment = distrust_ip_header(figment).merge(("template_dir", templates));
        let transport = transport(&settings, &figment)?;
        let authenticator = Authenticator::new(&SchemeParts {
            auth: &auth,
            api_auth: &api_auth,
            accounts: &stores.accounts,
            settings: &settings,
            session_cookie: transport.session_cookie(),
            sign_in_path: site_path("login"),
            metrics_path: site_path("metrics"),
        });
        let connections =
            Connections::new(settings.connections.clone(), settings.site.trusted_proxies.clone(), Arc::clone(&clock));
        let (shutting_down, shutdown) = watch::channel(false);
        let diagnostics_runner = diagnostics_runner(&settings, &directories, &page_store, &groups, &clock);
        let state = AppState {
            invitations: Invitations::new(Arc::clone(&auth), stores.accounts.clone()),
            auth,
            authenticator,
            api_auth,
            sessions,
            accounts: stores.accounts.clone(),
            audit: stores.audit.clone(),
            page_store,
            hub,
            directories,
            groups,
            diagnostics_runner,
            session_refresher,
            passwordless: has_service_account(&settings),
            writable_probe: WritableProbe::new(&settings.state, stores.database.as_ref(), Arc::clone(&clock)),
            settings,
            transport,
            proxy_hints: ProxyHints::default(),
            assets,
            connections,
            shared_pages: SharedPages::new(Arc::clone(&clock)),
            new_tokens: NewTokens::new(Arc::clone(&clock), short_lived),
            new_recovery_codes: NewRecoveryCodes::new(Arc::clone(&clock), short_lived),
            push_inbox: stores.push_inbox.clone(),
            nodes: node.as_ref().map_or(Nodes::Alone, SharedNode::nodes),
            clock,
            shutdown,
            readiness,
            metrics,
        };
        let (hub, auth) = (Arc::clone(&state.hub), Arc::clone(&state.auth));
        let tasks = Tasks::spawn(&state, leases, node.clone(), stores.history.clone());
        let rocket = web::stage(rocket::custom(figment), state).attach(AdHoc::on_shutdown("Goodbye", move |_| {
            Box::pin(async move {
                shutting_down.send_replace(true);
            })
        }));
        Ok(Self { rocket, stores, auth, node, tasks, hub, bus, audit, audit_writer, state_lock })
    }

    /// All routes by method and path, as `GET /p/<slug>`: for tests that all of them keep a rule.
    pub fn routes(&self) -> Vec<(String, String)> {
        self.rocket.routes().map(|route| (route.method.to_string(), route.uri.to_string())).collect()
    }

    /// A receiver that is told when the server listens.
    pub fn on_ready(self) -> (Self, oneshot::Receiver<Ready>) {
        let (sender, ready) = oneshot::channel();
        let rocket = self.rocket.attach(AdHoc::on_liftoff("Ready", |rocket| {
            Box::pin(async move {
                let config = rocket.config();
                let address = SocketAddr::new(config.address, config.port);
                // The receiver may have been dropped; the server listens all the same.
                let _ = sender.send(Ready { address, tls: config.tls_enabled(), shutdown: rocket.shutdown() });
            })
        }));
        (Self { rocket, ..self }, ready)
    }

    /// Serves until shutdown; live connections are closed first.
    ///
    /// # Errors
    /// [`StartError::Launch`] when the server cannot be started.
    pub async fn serve(self) -> Result<(), StartError> {
        let Self { rocket, stores, auth, node, tasks, hub, bus, audit, audit_writer, state_lock } = self;
        let startup_audit = audit.clone();
        let rocket = rocket.attach(AdHoc::on_liftoff("Audit", move |_| {
            startup_audit.record(&Client::default(), &AuditEvent::Started { version: env!("CARGO_PKG_VERSION") });
            Box::pin(async {})
        }));
        let served = rocket.launch().await.map(|rocket: Rocket<Ignite>| drop(rocket));
        if let Some(bus) = bus {
            bus.leave_all().await;
        }
        hub.drain(CLOSE_TIMEOUT).await;
        drop(tasks);
        if served.is_ok() {
            audit.record(&Client::default(), &AuditEvent::Stopped);
        }
        // What is written is on disk before the process ends.
        audit_writer.finish().await;
        auth.flush_failed_attempts().await;
        if let Some(node) = node {
            node.leave().await;
        }
        stores.close().await;
        drop(state_lock);
        served.map_err(Box::new)?;
        Ok(())
    }
}

/// Loads the pages, which ask the sources, and makes the hub of their live channels.
fn open_pages(
    settings: &Settings,
    sources: &Arc<Sources>,
    metrics: &Metrics,
    clock: &Arc<dyn Clock>,
    bus: Option<Bus>,
    archive: FeedsArchive,
) -> Result<(Arc<PageStore>, Arc<Hub>), StartError> {
    let page_store = PageStore::load(&settings.pages, Arc::clone(sources))?;
    let page_store = page_store.with_second_factor(settings.second_factor.clone());
    let feeds = Feeds::new(Arc::clone(sources) as _, Arc::clone(clock)).with_archive(archive);
    let feeds = match bus {
        Some(bus) => feeds.with_bus(bus),
        None => feeds,
    };
    let hub = Hub::new(Arc::clone(sources), feeds, settings.live.clone(), Arc::clone(clock), metrics.live());
    Ok((Arc::new(page_store), Arc::new(hub)))
}

/// Begins to connect to the bus, where the settings name one.
fn open_bus(settings: &Settings, keys: &Keys, metrics: &Metrics, clock: &Arc<dyn Clock>) -> Result<Option<Bus>, StartError> {
    if settings.live.bus.is_none() && settings.store.url.is_some() {
        tracing::info!("without `live.bus`, each of several servers executes all queries itself");
    }
    let start =
        |address| Bus::start(address, settings.live.bus_ca_file.as_deref(), keys.bus_key(), Arc::clone(clock), metrics.bus());
    Ok(settings.live.bus.as_ref().map(start).transpose()?)
}

/// Turns off `ip_header` unless the settings name one, for a proxy that sets it. By default Rocket believes an
/// `X-Real-IP` from anybody: strangers could choose the address that the sign-in limits count for, and that the audit
/// log names.
fn distrust_ip_header(figment: Figment) -> Figment {
    let by_default = figment.find_metadata("ip_header").is_some_and(|origin| origin.name.starts_with("rocket::Config"));
    if by_default { figment.merge(("ip_header", false)) } else { figment }
}

/// The transport settings, which decide the cookies' names and what counts as our own origin.
fn transport(settings: &Settings, figment: &Figment) -> Result<Transport, StartError> {
    let config: Config = figment.extract()?;
    let public_url = settings.site.public_url.clone();
    let secure = public_url.as_ref().map_or(config.tls_enabled(), |url| url.scheme() == "https");
    let public_host = public_url.as_ref().and_then(|url| url.host_str()?.parse().ok());
    let allowed_hosts = settings.site.allowed_hosts.iter().cloned().chain(public_host).chain(machine_names());
    Ok(Transport {
        secure,
        public_url,
        trusted_proxies: settings.site.trusted_proxies.clone(),
        allowed_hosts: AllowedHosts::new(allowed_hosts),
    })
}

/// Whether some directory has a service account, so that it can be asked about people who sign in with a passkey alone.
fn has_service_account(settings: &Settings) -> bool {
    let further = settings.directories.values().map(|further| &further.settings);
    std::iter::once(&settings.directory).chain(further).any(|directory| directory.service_account.is_some())
}

/// The runner of the examinations of a directory that admins ask for.
fn diagnostics_runner(
    settings: &Settings,
    directories: &Arc<Directories>,
    page_store: &Arc<PageStore>,
    groups: &Arc<GroupWatch>,
    clock: &Arc<dyn Clock>,
) -> DiagnosticsRunner {
    let (directories, page_store, groups) = (Arc::clone(directories), Arc::clone(page_store), Arc::clone(groups));
    DiagnosticsRunner::new(directories, page_store, settings.admins.clone(), groups, Arc::clone(clock))
}

/// Logs which sources' credentials cross a network unencrypted.
fn log_exposed_sources(named: &NamedSources) {
    for (source, exposure) in named.exposures() {
        tracing::warn!(%source, "{exposure}");
    }
}

/// Logs once what it means that a directory has no service account.
fn log_unrefreshed_directories(settings: &Settings) {
    let further = settings.directories.iter().map(|(name, set)| (name.as_str(), &set.settings));
    let all = std::iter::once(("the default one", &settings.directory)).chain(further);
    for (directory, _) in all.filter(|(_, set)| set.service_account.is_none()) {
        tracing::info!(
            directory,
            unrefreshed = ?settings.sessions.unrefreshed,
            "without an account that searches nobody can be asked about who is signed in: their groups stay as they \
             were at sign-in, and their sessions end after `sessions.unrefreshed`; set bind_name and \
             bind_password_file to have changes followed every `sessions.refresh`"
        );
    }
}
