//! Connections to the servers of one directory: dialled, encrypted, pooled, and given up when a server fails.
//!
//! `servers` knows which servers there are and which of them answer, `dial` opens a connection under a deadline (`tls`
//! and `start_tls` encrypt it), `ldap_connection` is an open one (the crate `ldap3` speaks LDAP over it, and `driver`
//! drives that), `root_dse` reads the directory's profile, `pool` keeps connections for the next use (`service_bind`
//! judges the service account's bind), and `operation` gives several steps one deadline, and tries another server when
//! one fails. `fault` is the error of an operation, `refusal` its meaning for a person, which on Active
//! Directory a `sub_code` tells.
//!
//! This room never follows a referral, never sends anything but a handshake to a server it has not verified, never
//! waits without a deadline, and knows nothing of people and groups.

mod dial;
mod driver;
mod fault;
mod ldap_connection;
mod operation;
mod pool;
mod refusal;
mod root_dse;
mod servers;
mod service_bind;
pub(super) mod set_up;
mod set_up_error;
pub(super) mod start_tls;
mod sub_code;
mod tls;

pub use refusal::{BindDenied, DirectoryRefusal, PasswordFate, Unreachable};
pub use set_up_error::SetUpError;

pub(super) use dial::Dialler;
pub(super) use fault::{OperationFault, OperationKind, describe_result, result_code};
pub(super) use ldap_connection::{LdapConnection, SearchRequest, SearchResult, Truncation};
pub(super) use operation::Operation;
pub(super) use pool::{ConnectionPool, PoolPurpose, PooledConnection};
pub(super) use root_dse::{AdDomain, DirectoryProfile, PASSWORD_POLICY_CONTROL, PasswordCapabilities};
pub(super) use servers::{DirectoryServer, DnsResolver, ServerSet};
pub(super) use service_bind::judge_service_bind;
pub(super) use sub_code::{SubCodeVerdict, ad_sub_code};
pub(super) use tls::{CHECK_PORT, TlsClient};
