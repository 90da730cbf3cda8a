use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::super::bus_address::{BusAddress, bus_address};
use super::super::reader::Fields;
use super::super::setting::{ca_file, duration, integer, settings};
use super::{HOUR, MINUTE, SECOND};

/// The limits of viewers: beyond a million memory is the limit.
const VIEWERS: RangeInclusive<i64> = 1..=1_000_000;

settings! {
    /// The live channels.
    #[derive(Clone, Debug)]
    pub struct LiveSettings, settled by LiveSettings::settle {
        /// The Redis or Valkey server through which several nodes share what sources answer, so that each query is executed once for
        /// all of them. Without it each node executes its own.
        pub bus: Option<BusAddress> = bus_address(),
        /// The certificates of authorities that are trusted for `rediss://`, in PEM form. Without it, those of the system.
        pub bus_ca_file: Option<PathBuf> = ca_file(),
        /// How often an idle connection sends a ping. Proxies often close idle connections after 30 to 60 seconds.
        pub heartbeat: Duration = duration(25 * SECOND, SECOND..=5 * MINUTE),
        // Ten a second look continuous; more would only cost.
        /// The shortest time between two updates of a page.
        pub batch_interval: Duration = duration(Duration::from_millis(100), Duration::from_millis(10)..=10 * SECOND),
        // 25 seconds of them at ten a second: a lift, a tunnel, a lid closed for a moment. Beyond the most a snapshot is always
        // the shorter way back.
        /// How many updates are kept for clients that reconnect. Those of a page have 1 MiB together at the most.
        pub ring: usize = integer(256, 2..=65_536),
        // A reload, or a walk from page to page, finds its history there.
        /// How long a page's sources are still queried after the last viewer left.
        pub grace: Duration = duration(MINUTE, Duration::ZERO..=HOUR),
        // `connections.most`, less what pages, sign-ins and scripts need beside the boards.
        /// The largest number of viewers. A quarter of it is reserved for people who are signed in.
        pub most: usize = integer(9_000, VIEWERS),
        // `connections.per_address`, less the browsers' other connections.
        /// The largest number of viewers from one address who are not signed in. An IPv6 /64 network counts as one
        /// address; a /56 has twice, a /48 four times, and an IPv4 /24 eight times as many.
        pub per_address: usize = integer(400, VIEWERS),
        // Every page of a site in a tab of its own, and more. It stops a script in a loop.
        /// The largest number of viewers per session or token; each tab is one. One person can have four times as many.
        pub per_session: usize = integer(50, VIEWERS),
    }
}

impl LiveSettings {
    /// Reports certificates that nothing is verified by.
    fn settle(self, fields: &mut Fields<'_>) -> Self {
        let location = fields.key_location("bus_ca_file").filter(|_| self.bus.as_ref().is_some_and(|bus| !bus.tls));
        if let Some(location) = location {
            let help = "begin the address of the bus with `rediss://`, or remove `bus_ca_file`";
            fields.sink.report(&location, "`bus_ca_file` is for a bus over TLS, which this one is not", help);
        }
        self
    }
}
