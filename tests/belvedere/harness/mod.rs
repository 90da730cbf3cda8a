//! What the tests are written in: houses, visitors, boards, browsers, and the real servers beside them.

pub(crate) mod accounts;
pub(crate) mod administrator;
pub(crate) mod black_hole;
pub(crate) mod board;
pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod demo;
pub(crate) mod directory_389;
pub(crate) mod dns;
pub(crate) mod face;
mod fault_connection;
pub(crate) mod fault_proxy;
pub(crate) mod garbage;
pub(crate) mod gateway;
pub(crate) mod house;
pub(crate) mod json_server;
pub(crate) mod keeper;
pub(crate) mod ldif;
pub(crate) mod program;
pub(crate) mod requests;
pub(crate) mod samba;
mod samba_controller;
pub(crate) mod slapd;
pub(crate) mod stalled;
pub(crate) mod statistics;
pub(crate) mod visitor;
pub(crate) mod wire;
