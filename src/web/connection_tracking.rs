use std::sync::{Mutex, PoisonError};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Orbit, Request, Rocket};
use tokio_util::task::AbortOnDropHandle;

use crate::connections::{Connections, InFlightRequest};
use crate::domain::PersonId;

/// A fairing that reports each request to the connection table, and sweeps connections while the server runs.
pub(super) struct ConnectionTracking {
    connections: Connections,
    watch: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl ConnectionTracking {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections, watch: Mutex::new(None) }
    }
}

#[rocket::async_trait]
impl Fairing for ConnectionTracking {
    fn info(&self) -> Info {
        Info { name: "Connections", kind: Kind::Liftoff | Kind::Request }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        let watch = tokio::spawn(self.connections.clone().watch(rocket.config().port));
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(watch));
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        // A value cached with the request lives until its response has been sent whole.
        let peer = request.remote();
        request.local_cache(|| peer.map(|peer| self.connections.request_started(peer)));
    }
}

/// Counts the request's connection under the member who sent it.
pub(super) fn set_member(request: &Request<'_>, member: &PersonId) {
    if let Some(in_flight) = in_flight_request(request) {
        in_flight.set_member(member);
    }
}

/// The request in flight, for tasks that use its connection after the response.
pub(super) fn in_flight_request<'r>(request: &'r Request<'_>) -> Option<&'r InFlightRequest> {
    request.local_cache(|| None::<InFlightRequest>).as_ref()
}
