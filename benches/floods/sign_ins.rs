//! Floods of sign-ins, and of a script, as fast as they are answered.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use crate::common::http_client::HttpClient;
use crate::flood::Flood;
use crate::program::Program;

/// Local names with wrong passwords, on sixty connections from as many links of one IPv6 site.
pub(crate) fn hashes(flood: &mut Flood, program: &Program) {
    wrong_passwords(flood, program.address, 60, "local%5C");
}

/// Names of the directory with wrong passwords, on 256 connections from one IPv6 site.
pub(crate) fn sign_in(flood: &mut Flood, program: &Program) {
    wrong_passwords(flood, program.address, 256, "");
}

/// A script that asks for signed tokens, on sixteen connections.
pub(crate) fn audit(flood: &mut Flood, program: &Program) {
    for _ in 0..16 {
        let (server, basic) = (program.address, program.basic.clone());
        flood.joins(async move |answered| {
            let mut client = HttpClient::new(server).await.unwrap();
            for _ in 0_usize.. {
                match client.posts_with("/api/v1/token", &basic).await {
                    Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    // It was hung up on, to make room for others.
                    Err(_) => client = HttpClient::new(server).await.unwrap(),
                }
            }
        });
    }
}

fn wrong_passwords(flood: &mut Flood, server: SocketAddr, connections: usize, prefix: &'static str) {
    for link in 0..connections {
        flood.joins(async move |answered| {
            let mut client = HttpClient::new(server).await.unwrap();
            let (cookie, csrf) = client.form().await.unwrap();
            let address = format!("2001:db8:0:{link:x}::1");
            for count in 0_usize.. {
                match client.tries(&format!("{prefix}name-{link}-{count}"), &address, &cookie, &csrf).await {
                    Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    Err(_) => client = HttpClient::new(server).await.unwrap(),
                }
            }
        });
    }
}
