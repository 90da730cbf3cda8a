//! The time of sign-ins when the program's preferred directory server dies.

use std::time::{Duration, Instant};

use crate::bench_server::BenchServer;
use crate::proxy::{Proxy, ProxyState};
use crate::slapd::Slapd;
use crate::visitors::Visitor;

/// The number of sign-ins, one after the other, before and after.
const SIGN_INS: usize = 50;

pub(crate) async fn measure(slapd: &Slapd) {
    println!("\n| the preferred server | before (median) | first after | later (median) | later (slowest) |");
    println!("|---|---:|---:|---:|---:|");
    for (death, name) in [(ProxyState::Refusing, "is stopped"), (ProxyState::Silent, "is switched off, without a word")] {
        let (preferred, other) = (Proxy::start(slapd.port).await, Proxy::start(slapd.port).await);
        let server = BenchServer::open(slapd, &[preferred.url(), other.url()]).await;
        let mut visitor = Visitor::new(server.address, 0).await.unwrap();
        let before = sign_in(&mut visitor, SIGN_INS).await;
        preferred.set_state(death);
        let first = sign_in(&mut visitor, 1).await[0];
        let later = sign_in(&mut visitor, SIGN_INS).await;
        println!(
            "| {name} | {:.1?} | {first:.1?} | {:.1?} | {:.1?} |",
            before[SIGN_INS / 2],
            later[SIGN_INS / 2],
            later[SIGN_INS - 1]
        );
        server.close().await;
    }
}

/// The duration of each sign-in, the quickest first.
async fn sign_in(visitor: &mut Visitor, times: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for person in 0..times {
        let start = Instant::now();
        visitor.signs_in(person).await.expect("somebody is there to ask");
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took
}
