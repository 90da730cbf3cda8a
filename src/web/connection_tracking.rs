use std::sync::{Mutex, PoisonError};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Orbit, Request, Rocket};
use tokio_util::task::AbortOnDropHandle;

use crate::connections::{Connections, InFlightRequest};

/// Tells the connections' watch what is asked on them, and has it watch while the server serves.
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
        // What is kept with the request lives until its answer has been handed over whole.
        let peer = request.remote();
        request.local_cache(|| peer.map(|peer| self.connections.request_started(peer)));
    }
}

/// Says that whoever makes this request is signed in.
pub(super) fn mark_as_member(request: &Request<'_>) {
    if let Some(in_flight) = request.local_cache(|| None::<InFlightRequest>) {
        in_flight.mark_as_member();
    }
}

/// The request that is under way, for what goes on with its connection when it is answered.
pub(super) fn in_flight_request<'r>(request: &'r Request<'_>) -> Option<&'r InFlightRequest> {
    request.local_cache(|| None::<InFlightRequest>).as_ref()
}
