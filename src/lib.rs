//! Belvedere shows a company its live dashboards, and lets in exactly the people its Active Directory says may see
//! them.
//!
//! The rooms, from the ground up; each imports only from the rooms below it (`tests/` holds this true):
//!
//! - [`domain`] has the pure types and the clock.
//! - [`config`] parses settings and page files, and reports every error with its file and line.
//! - [`telemetry`] is the log and the metrics, [`store`] SQLite and PostgreSQL, [`tls`] which servers are trusted, [`websocket`]
//!   RFC 6455.
//! - [`directory`], [`accounts`], [`sessions`], [`tokens`], [`factors`], [`epochs`], [`sources`] and [`audit`] are the
//!   outside world, one room each; [`demo_directory`] is an LDAP server with sample people, for demos and tests.
//! - [`nodes`] has the work that one of several servers does for all.
//! - [`history`] archives the numbers that charts draw from, over restarts.
//! - [`bus`] shares what sources answer between several nodes.
//! - [`connections`] limits how many connections there are, and how long they may be silent.
//! - [`auth`] authenticates, [`pages`] decides who sees what, [`panels`] turns readings into views.
//! - [`feeds`] asks the sources, each distinct query once. [`live`] has channels and live connections.
//! - [`web`] is the only room that knows Rocket's requests and responses.
//! - [`server`] builds the rooms and wires them, [`cli`] is the command line.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise"))]

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
pub mod connections;
pub mod demo_directory;
pub mod directory;
pub mod domain;
pub mod epochs;
pub mod factors;
pub mod feeds;
pub mod history;
pub mod live;
pub mod nodes;
pub mod pages;
pub mod panels;
pub mod server;
pub mod sessions;
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod tokens;
pub mod web;
pub mod websocket;
