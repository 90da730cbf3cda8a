//! The parser of settings: one file per table, each from raw values to settled ones.
//!
//! Files that settings name (certificates, secrets) are read here, so that a missing one is reported like any other
//! error. Nothing is dialled.

mod accounts;
mod api_auth;
mod audit;
mod connections;
mod directory;
mod files;
mod live;
mod mail;
mod metrics;
mod second_factor;
mod server_address;
mod servers;
mod settings;
mod site;
#[cfg(test)]
mod tests;

pub(crate) use files::{ca_file as read_ca_file, path as read_path, read_secret_file, secret as read_secret};
pub(super) use settings::TABLES;
