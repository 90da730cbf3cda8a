//! Builds the rooms, wires them, serves.

mod group_watch;
mod page_audit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::figment::error::Error as FigmentError;
use rocket::{Config, Ignite, Rocket, Shutdown};
use tokio::sync::{oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::audit::{Audit, AuditStore, AuditWriter, Event};
use crate::auth::{AccountWatch, Auth, Everyone, Keys, Refresh, Scripts, SecondStep, Signer};
use crate::config::{self, Faults, Settings};
use crate::connections::Connections;
use crate::directory::{Directories, Directory, GroupWatch, Readiness, SetUpError};
use crate::domain::{Client, Clock};
use crate::factors::Factors;
use crate::live::{Feeds, Hub};
use crate::pages::{Shelf, Watcher};
use crate::sessions::Sessions;
use crate::sources::{SourceFault, Sources};
use crate::store::StoreError;
use crate::telemetry::{InvalidFilter, Metrics};
use crate::tokens::Tokens;
use crate::web::{self, Assets, Rooms, Transport};
use page_audit::audit_pages;

/// The file of people's second factors, in the state folder.
const FACTORS_STORE: &str = "factors.db";

/// How often sessions that have run out are swept from the store.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// The file of the session store, in the state folder.
const SESSION_STORE: &str = "sessions.db";

/// The file of local accounts, beside it.
const ACCOUNT_STORE: &str = "accounts.db";
/// The file of the audit's store, beside it.
const AUDIT_STORE: &str = "audit.db";
/// The file of the API tokens, in the state folder.
const TOKEN_STORE: &str = "tokens.db";

/// Why the server does not start, or did not go on. Each text names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong in the settings.
    #[error("{0}")]
    Settings(#[from] Faults),
    /// Something is wrong in Rocket's own settings.
    #[error("{0}")]
    Rocket(Box<FigmentError>),
    /// The log cannot be started as the settings say.
    #[error("{0}")]
    Log(#[from] InvalidFilter),
    /// The directory client cannot be built.
    #[error("{0}")]
    Directory(#[from] SetUpError),
    /// A source cannot be opened.
    #[error("{0}")]
    Source(#[from] SourceFault),
    /// A store of ours cannot be opened.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The server cannot be started: the port is taken, say.
    #[error("{}", launch_error(.0))]
    Launch(#[from] Box<rocket::Error>),
}

impl From<FigmentError> for StartError {
    fn from(error: FigmentError) -> Self {
        Self::Rocket(Box::new(error))
    }
}

/// A house that is built and has not opened its door yet.
pub struct Server {
    rocket: Rocket<rocket::Build>,
    sessions: Sessions,
    factors: Factors,
    accounts: Accounts,
    tokens: Tokens,
    tasks: Tasks,
    audit: Kept,
}

/// The audit, and what is written of it to the end.
struct Kept {
    audit: Audit,
    writer: AuditWriter,
    store: AuditStore,
}

/// An open door.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it speaks HTTPS.
    pub tls: bool,
    /// Closes it.
    pub shutdown: Shutdown,
}

/// What runs beside the requests, for as long as the server does.
struct Tasks {
    _watcher: Watcher,
    _keeper: AbortOnDropHandle<()>,
    _sweeper: AbortOnDropHandle<()>,
    _token_follower: AbortOnDropHandle<()>,
    _group_watch: AbortOnDropHandle<()>,
    _refresher: AbortOnDropHandle<()>,
    _account_watch: AbortOnDropHandle<()>,
    _page_audit: AbortOnDropHandle<()>,
}

impl Tasks {
    /// Begins what the rooms need done beside the requests. `refresh` is how often the directory is asked.
    fn begin(rooms: &Rooms, refresh: Duration) -> Self {
        let (shelf, hub, clock) = (&rooms.shelf, &rooms.hub, &rooms.clock);
        let groups = group_watch::watch_groups(
            Arc::clone(&rooms.groups),
            Arc::clone(&rooms.directories),
            Arc::clone(shelf),
            rooms.admins.clone(),
            Arc::clone(clock),
            refresh,
        );
        let people = Arc::clone(&rooms.refresh);
        let accounts = AccountWatch::new(
            rooms.accounts.clone(),
            Arc::clone(&rooms.refresh),
            rooms.sessions.clone(),
            rooms.auth.audit().clone(),
        );
        let scripts = Arc::clone(&rooms.scripts);
        Self {
            _watcher: Watcher::start(Arc::clone(shelf)),
            _keeper: AbortOnDropHandle::new(tokio::spawn(keep_pages(Arc::clone(hub), Arc::clone(shelf)))),
            _sweeper: AbortOnDropHandle::new(tokio::spawn(sweep(
                Arc::clone(&rooms.auth),
                Arc::clone(&rooms.scripts),
                Arc::clone(clock),
            ))),
            _token_follower: AbortOnDropHandle::new(tokio::spawn(
                async move { scripts.tokens().follow_the_file().await },
            )),
            _group_watch: AbortOnDropHandle::new(tokio::spawn(groups)),
            _refresher: AbortOnDropHandle::new(tokio::spawn(async move { people.run().await })),
            _account_watch: AbortOnDropHandle::new(tokio::spawn(async move { accounts.run().await })),
            _page_audit: AbortOnDropHandle::new(tokio::spawn(audit_pages(
                Arc::clone(shelf),
                rooms.auth.audit().clone(),
            ))),
        }
    }
}

impl Server {
    /// Builds every room and wires them.
    ///
    /// # Errors
    /// [`StartError`] when a setting is faulty, or something that must be there is not.
    pub async fn build(figment: Figment, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let settings = Settings::from_figment(&figment)?;
        config::make_state_folder(&settings.state)?;
        let figment = match config::secret_key(&figment, &settings.state)? {
            Some(kept) => kept.merge_into(figment),
            None => figment,
        };

        let sources = Arc::new(Sources::open(&settings.sources, Arc::clone(&clock))?);
        let shelf = Shelf::load(&settings.pages, Arc::clone(&sources))?;
        let shelf = Arc::new(shelf.with_second_factor(settings.second_factor.clone()));
        let feeds = Feeds::new(sources.clone(), Arc::clone(&clock));
        let hub = Arc::new(Hub::new(sources, feeds, settings.live.clone(), Arc::clone(&clock)));

        let metrics = Metrics::new();
        let directories = Arc::new(Directories::counted(&settings, &clock, &metrics.directory())?);
        let accounts = open_accounts(&settings, Arc::clone(&clock)).await?;
        let directory: Arc<dyn Directory> = Arc::new(Everyone::new(
            Arc::clone(&directories) as Arc<dyn Directory>,
            accounts.clone(),
            Arc::clone(&clock),
        ));
        let groups = Arc::new(GroupWatch::new(Arc::clone(&directory), Arc::clone(&clock)));
        let readiness = Readiness::new(Arc::clone(&directory), Arc::clone(&clock));
        let store = settings.state.join(SESSION_STORE);
        let sessions = Sessions::open(&store, &settings.sessions, Arc::clone(&clock)).await?;
        let keys = keys(&figment)?;
        let store = settings.state.join(FACTORS_STORE);
        let factors = Factors::open(&store, keys.factors(), Arc::clone(&clock)).await?;
        let second_step = SecondStep::new(factors.clone(), settings.second_factor.remember);
        let audit_store = open_audit(&settings).await?;
        let (audit, writer) = Audit::kept_in(audit_store.clone(), metrics.audit(), Arc::clone(&clock));
        let kept = Kept { audit: audit.clone(), writer, store: audit_store.clone() };
        let refresh = Refresh::new(
            Arc::clone(&directory),
            sessions.clone(),
            audit.clone(),
            Arc::clone(&clock),
            settings.sessions.refresh,
        );
        let tokens = open_tokens(&settings, &clock).await?;
        let refresh = Arc::new(refresh.with_tokens(tokens.clone()));
        let issuer = settings.site.issuer();
        let signer =
            Signer::open(tokens.clone(), &keys, settings.signed_tokens.clone(), issuer, Arc::clone(&clock)).await?;
        let auth = Auth::new(directory, sessions.clone(), second_step, audit, Arc::clone(&clock), keys);
        let auth = Arc::new(auth.remembering(settings.basic.remember).confirming(tokens.clone()));
        let scripts = Arc::new(Scripts::new(Arc::clone(&auth), tokens.clone(), signer, settings.basic.clone()));
        say_who_is_not_refreshed(&settings);

        let assets = Assets::for_this_build(settings.overlay.as_deref(), &settings.site.theme);
        // Where Rocket itself looks for templates: the source tree in debug builds, which it watches; otherwise a
        // folder that is there and has none, since ours come from the binary.
        let templates = assets.watched_templates().unwrap_or_else(|| settings.state.clone());
        let figment = believe_no_header(figment).merge(("template_dir", templates));
        let transport = transport(&settings, &figment)?;
        let proxies = settings.site.trusted_proxies.clone();
        let connections = Connections::new(settings.connections.clone(), proxies, Arc::clone(&clock));
        let passwordless = somebody_can_be_asked(&settings);
        let (shutting_down, shutdown) = watch::channel(false);
        let rooms = Rooms {
            auth,
            scripts,
            token_settings: settings.tokens.clone(),
            sessions: sessions.clone(),
            accounts: accounts.clone(),
            digest_enabled: settings.digest.enabled,
            audit: audit_store,
            shelf,
            hub,
            directories,
            groups,
            site: Arc::new(settings.site),
            admins: settings.admins,
            transport,
            refresh,
            // The session itself ends sooner where it is to.
            session_lasts: settings
                .sessions
                .stay
                .map_or(settings.sessions.absolute, |stay| stay.max(settings.sessions.absolute)),
            session_stay: settings.sessions.stay,
            session_stale_after: settings.sessions.max_staleness,
            session_recent: settings.sessions.recent,
            passwordless,
            assets,
            connections,
            body_timeout: settings.connections.body_timeout,
            clock,
            shutdown,
            readiness,
            metrics,
            metrics_settings: settings.metrics,
        };
        let tasks = Tasks::begin(&rooms, settings.sessions.refresh);
        let rocket = web::stage(rocket::custom(figment), rooms).attach(AdHoc::on_shutdown("Goodbye", move |_| {
            Box::pin(async move {
                shutting_down.send_replace(true);
            })
        }));
        Ok(Self { rocket, sessions, factors, accounts, tokens, tasks, audit: kept })
    }

    /// Every way in by its method and address, as `GET /p/<slug>`: for those who look whether all of them keep a rule.
    pub fn doors(&self) -> Vec<(String, String)> {
        self.rocket.routes().map(|route| (route.method.to_string(), route.uri.to_string())).collect()
    }

    /// Tells when the door is open.
    pub fn on_ready(self) -> (Self, oneshot::Receiver<Ready>) {
        let (sender, ready) = oneshot::channel();
        let rocket = self.rocket.attach(AdHoc::on_liftoff("Ready", |rocket| {
            Box::pin(async move {
                let config = rocket.config();
                let address = SocketAddr::new(config.address, config.port);
                // Whoever asked may have lost interest; the door is open all the same.
                let _ = sender.send(Ready { address, tls: config.tls_enabled(), shutdown: rocket.shutdown() });
            })
        }));
        (Self { rocket, ..self }, ready)
    }

    /// Serves until it is told to stop. Viewers hear a goodbye first.
    ///
    /// # Errors
    /// [`StartError::Launch`] when the server cannot be started.
    pub async fn serve(self) -> Result<(), StartError> {
        let Kept { audit, writer, store } = self.audit;
        let begun = audit.clone();
        let rocket = self.rocket.attach(AdHoc::on_liftoff("Audit", move |_| {
            begun.record(&Client::default(), &Event::Started { version: env!("CARGO_PKG_VERSION") });
            Box::pin(async {})
        }));
        let served = rocket.launch().await.map(|rocket: Rocket<Ignite>| drop(rocket));
        drop(self.tasks);
        if served.is_ok() {
            audit.record(&Client::default(), &Event::Stopped);
        }
        // What is written is on disk before the process ends.
        writer.finish().await;
        store.close().await;
        self.sessions.close().await;
        self.factors.close().await;
        self.accounts.close().await;
        self.tokens.close().await;
        served.map_err(Box::new)?;
        Ok(())
    }
}

/// The store of local accounts, for the server and for the command line beside it. The state folder must be there.
///
/// # Errors
/// [`StoreError`] when it cannot be opened.
pub(crate) async fn open_accounts(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Accounts, StoreError> {
    // What everybody here knows makes no password.
    let known_to_all = ["belvedere".to_owned(), settings.site.name.clone()];
    Accounts::open(&settings.state.join(ACCOUNT_STORE), &settings.accounts, known_to_all, clock).await
}

/// Rocket believes an `X-Real-IP` from anybody, unless told otherwise: strangers could then choose the address that the
/// limits on signing in count for, and that the audit names. Here a header counts when the settings name it, which is
/// for those whose proxy sets it.
fn believe_no_header(figment: Figment) -> Figment {
    let by_default = figment.find_metadata("ip_header").is_some_and(|origin| origin.name.starts_with("rocket::Config"));
    if by_default { figment.merge(("ip_header", false)) } else { figment }
}

/// The server's keys, for the command line beside it.
///
/// # Errors
/// [`StartError`] when the secret key cannot be read, or made.
pub(crate) fn keys_of(figment: &Figment, settings: &Settings) -> Result<Keys, StartError> {
    match config::secret_key(figment, &settings.state)? {
        Some(kept) => keys(&kept.merge_into(figment.clone())),
        None => keys(figment),
    }
}

/// The keys of forms, from the same secret as Rocket's own, in whichever way it is written: text or bytes.
fn keys(figment: &Figment) -> Result<Keys, StartError> {
    let secret = match figment.extract_inner::<String>("secret_key") {
        Ok(text) => Zeroizing::new(text.into_bytes()),
        Err(_) => Zeroizing::new(figment.extract_inner::<Vec<u8>>("secret_key")?),
    };
    Ok(Keys::from_secret(&secret))
}

/// How requests reach this server: decides the cookies' names and what counts as our own origin.
fn transport(settings: &Settings, figment: &Figment) -> Result<Transport, StartError> {
    let config: Config = figment.extract()?;
    let public_url = settings.site.public_url.clone();
    let secure = public_url.as_ref().map_or(config.tls_enabled(), |url| url.scheme() == "https");
    Ok(Transport { secure, public_url, trusted_proxies: settings.site.trusted_proxies.clone() })
}

/// Keeps the channels running of every page that asks for it, and goes by the new files when they change.
async fn keep_pages(hub: Arc<Hub>, shelf: Arc<Shelf>) {
    let mut changes = shelf.changes();
    loop {
        changes.mark_unchanged();
        let _seats = hub.keep(&shelf);
        // The sender lives in the shelf, which this task holds.
        let _ = changes.changed().await;
    }
}

/// Whether some directory has an account that searches, so that it can be asked about whoever comes with a passkey alone.
fn somebody_can_be_asked(settings: &Settings) -> bool {
    let further = settings.directories.values().map(|further| &further.settings);
    std::iter::once(&settings.directory).chain(further).any(|directory| directory.service_account.is_some())
}

/// Says once what it means that a directory has no account to ask about people with.
fn say_who_is_not_refreshed(settings: &Settings) {
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

/// The store of the audit.
pub(crate) async fn open_audit(settings: &Settings) -> Result<AuditStore, StoreError> {
    AuditStore::open(&settings.state.join(AUDIT_STORE), &settings.audit).await
}

/// The store of the API tokens.
pub(crate) async fn open_tokens(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Tokens, StoreError> {
    let file = settings.state.join(TOKEN_STORE);
    Tokens::open(&file, &settings.tokens, settings.sessions.max_staleness, Arc::clone(clock)).await
}

async fn sweep(auth: Arc<Auth>, scripts: Arc<Scripts>, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = auth.sweep().await {
            tracing::error!(%error, "sessions that ran out could not be swept");
        }
        if let Err(error) = scripts.sweep().await {
            tracing::error!(%error, "API tokens that ran out could not be swept");
        }
        clock.sleep(SWEEP_EVERY).await;
    }
}

fn launch_error(error: &rocket::Error) -> String {
    match error.kind() {
        rocket::error::ErrorKind::Bind(cause) => {
            format!("the port cannot be opened: {cause}; set another `port` (ROCKET_PORT) or stop what uses it")
        }
        kind => format!("the server cannot be started: {kind}"),
    }
}
