use std::sync::Arc;

use rocket::{Build, Rocket};
use tokio::sync::watch;
use url::Url;

use crate::auth::{Auth, FormKeys};
use crate::config::SiteSettings;
use crate::domain::{Audience, Clock};
use crate::live::Hub;
use crate::pages::Shelf;

use super::Assets;

/// The rooms below, as the web needs them.
pub struct Rooms {
    /// Proves who someone is.
    pub auth: Arc<Auth>,
    /// Signs forms.
    pub form_keys: FormKeys,
    /// Decides who sees what.
    pub shelf: Arc<Shelf>,
    /// Makes the boards move.
    pub hub: Arc<Hub>,
    /// How the site presents itself.
    pub site: Arc<SiteSettings>,
    /// Who may see the admin page.
    pub admins: Audience,
    /// How requests reach this server.
    pub transport: Transport,
    /// Templates and static files.
    pub assets: Assets,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Turns true when the server begins to shut down.
    pub shutdown: watch::Receiver<bool>,
    /// Whether the directory answers, asked at most once in a while.
    pub readiness: crate::directory::Readiness,
}

/// How requests reach this server.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Whether browsers come by HTTPS: by Rocket's own TLS, or by a proxy at an `https://` public address.
    pub secure: bool,
    /// The address browsers use, when it is not the one in the request.
    pub public_url: Option<Url>,
}

/// Who may see the admin page.
pub(super) struct Admins(pub(super) Audience);

/// Turns true when the server begins to shut down.
pub(super) struct ShuttingDown(pub(super) watch::Receiver<bool>);

/// The time.
pub(super) struct Time(pub(super) Arc<dyn Clock>);

impl Rooms {
    pub(super) fn manage(self, rocket: Rocket<Build>) -> Rocket<Build> {
        rocket
            .manage(self.auth)
            .manage(self.form_keys)
            .manage(self.shelf)
            .manage(self.hub)
            .manage(self.site)
            .manage(Admins(self.admins))
            .manage(self.transport)
            .manage(self.assets)
            .manage(Time(self.clock))
            .manage(ShuttingDown(self.shutdown))
            .manage(self.readiness)
    }
}
