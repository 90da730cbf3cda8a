//! The test harness: running servers of the program (a test's `house`), visitors, boards, browsers, real directories.

pub(crate) mod accounts;
pub(crate) mod administrator;
pub(crate) mod black_hole;
pub(crate) mod board;
pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod cluster;
pub(crate) mod cluster_node;
pub(crate) mod cuttable_proxy;
pub(crate) mod demo_server;
pub(crate) mod directory_389;
pub(crate) mod dns;
mod fault_connection;
pub(crate) mod fault_proxy;
pub(crate) mod free_port;
pub(crate) mod garbage;
pub(crate) mod haproxy;
pub(crate) mod http_proxy;
pub(crate) mod json_server;
pub(crate) mod ldap_requests;
pub(crate) mod ldap_results;
pub(crate) mod ldap_server;
pub(crate) mod ldif;
#[allow(dead_code, reason = "the unit tests need more of it")]
pub(crate) mod mariadb;
pub(crate) mod pgbouncer;
#[allow(dead_code, reason = "the unit tests need more of it")]
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod redis_sentinel;
pub(crate) mod reserved_port;
pub(crate) mod samba;
mod samba_controller;
pub(crate) mod server_account;
pub(crate) mod server_process;
pub(crate) mod silent_tls_server;
pub(crate) mod slapd;
pub(crate) mod stalled_controller;
pub(crate) mod statistics;
pub(crate) mod test_server;
pub(crate) mod viewer;
pub(crate) mod visitor;
