//! Belvedere's promises, checked against the whole program and real servers: a Samba domain controller,
//! OpenLDAP's slapd and 389 Directory Server, started once per run on loopback and gone with it, and Chromium.
//!
//! Each module is a promise; `harness` has the words they are written in. Where a server cannot be started, its tests
//! say so on standard error with a line that begins with `SKIPPED`; with `BELVEDERE_TESTS_REQUIRE_SERVERS=1` they fail
//! instead.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop here")]

mod accounts;
mod admin;
mod audit;
mod autobahn;
mod awkward_names;
mod before_proof;
mod browser;
mod bus;
mod charts;
mod checklist;
mod cluster;
mod commands;
mod connections;
mod credentials;
mod credentials_by_password;
mod credentials_of_clients;
mod credentials_signed;
mod digest;
mod directory_389;
mod directory_dial;
mod directory_discovery;
mod directory_failover;
mod directory_malice;
mod directory_oddities;
mod directory_passwords;
mod directory_pool;
mod directory_refresh;
mod directory_revocation;
mod directory_sign_in;
mod doctor;
mod documents;
mod door;
mod every_route;
mod factors;
mod fallbacks;
mod figures;
mod filters;
mod first_paint;
mod forms;
mod groups;
mod harness;
mod harness_directories;
mod harness_faults;
mod history;
mod host_and_paths;
mod hostile_directory;
mod invitations;
mod layers;
mod links;
mod live;
mod lockout;
mod memberships;
mod metrics;
mod mistyped;
mod move_store;
mod names;
mod namespaces;
mod nodes;
mod one_bind;
mod outages;
mod pages;
mod panels;
mod passwords;
mod prometheus;
mod push;
mod reauthentication;
mod refresh;
mod responses;
mod result_codes;
mod return_address;
mod revocation;
mod session_lists;
mod sessions;
mod shared_store;
mod sign_in;
mod soak;
mod sql;
mod timing;
mod tokens;
